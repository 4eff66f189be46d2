// Package seed fills an empty shop with data of a believable size: the same on every run.
package seed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/demoapp/internal/shop"
)

// How much there is.
const (
	Products  = 2000
	Customers = 500
	Orders    = 3000
	Sensors   = 8
)

const (
	batch       = 500 // rows in one INSERT
	mostItems   = 5   // of an order
	sensorHours = 6   // of history
)

// Seed fills the shop, in one transaction, unless there are products in it already. It is meant for a database without a
// cache plugin: nobody has read anything yet. progress is told what is being made, and may be nil.
func Seed(ctx context.Context, db *gorm.DB, progress func(what string, rows int)) error {
	var there int64
	if err := db.WithContext(ctx).Model(&shop.Product{}).Limit(1).Count(&there).Error; err != nil {
		return fmt.Errorf("look for products: %w", err)
	}
	if there > 0 {
		return nil
	}
	if progress == nil {
		progress = func(string, int) {}
	}
	random := rand.New(rand.NewPCG(2026, 1)) //nolint:gosec // the same numbers every time are the point
	s := &seeder{random: random, start: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)}
	return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		steps := []struct {
			what string
			make func(*gorm.DB) (int, error)
		}{
			{"categories", s.categories},
			{"products", s.products},
			{"customers", s.customers},
			{"orders", s.orders},
			{"order items", s.items},
			{"sensor metrics", s.metrics},
		}
		for _, step := range steps {
			rows, err := step.make(tx)
			if err != nil {
				return fmt.Errorf("seed %s: %w", step.what, err)
			}
			progress(step.what, rows)
		}
		return nil
	})
}

// seeder remembers what it has made, with the ids the database gave.
type seeder struct {
	random *rand.Rand
	start  time.Time

	kinds   []kind
	made    []shop.Category
	catalog []shop.Product
	people  []shop.Customer
	placed  []shop.Order
	bought  [][]shop.OrderItem // of each order
}

func (s *seeder) categories(tx *gorm.DB) (int, error) {
	s.kinds = kinds()
	for _, k := range s.kinds {
		s.made = append(s.made, shop.Category{Slug: k.slug, Name: k.name})
	}
	return len(s.made), tx.Create(&s.made).Error
}

func (s *seeder) products(tx *gorm.DB) (int, error) {
	for i := range Products {
		n := i % len(s.kinds)
		k := s.kinds[n]
		maker, trait, thing := pick(s, makers()), pick(s, traits()), pick(s, k.things)
		s.catalog = append(s.catalog, shop.Product{
			CategoryID:  s.made[n].ID,
			SKU:         fmt.Sprintf("%s-%05d", strings.ToUpper(k.slug[:3]), i+1),
			Name:        fmt.Sprintf("%s %s %s", maker, trait, thing),
			Description: fmt.Sprintf("%s from %s: %s, made to be used every day.", thing, maker, strings.ToLower(trait)),
			PriceCents:  k.cents[0] + s.random.Int64N((k.cents[1]-k.cents[0])/10+1)*10,
			Stock:       20 + s.random.Int64N(480),
			UpdatedAt:   s.start.Add(time.Duration(i) * time.Minute),
		})
	}
	return len(s.catalog), tx.CreateInBatches(&s.catalog, batch).Error
}

func (s *seeder) customers(tx *gorm.DB) (int, error) {
	for i := range Customers {
		first, last := pick(s, firstNames()), pick(s, lastNames())
		s.people = append(s.people, shop.Customer{
			Name:      first + " " + last,
			Email:     fmt.Sprintf("%s.%s.%d@example.com", strings.ToLower(first), strings.ToLower(last), i+1),
			CreatedAt: s.start.Add(time.Duration(i) * time.Hour),
		})
	}
	return len(s.people), tx.CreateInBatches(&s.people, batch).Error
}

// orders makes the orders and decides what is in them, for the total is the sum of it.
func (s *seeder) orders(tx *gorm.DB) (int, error) {
	for i := range Orders {
		placed := s.start.Add(time.Duration(i) * 17 * time.Minute)
		order := shop.Order{CustomerID: pick(s, s.people).ID, Status: shop.Placed, Revision: 1, PlacedAt: placed}
		if i%4 != 0 {
			paid := placed.Add(time.Duration(1+s.random.IntN(90)) * time.Minute)
			order.Status, order.Revision, order.PaidAt = shop.Paid, 2, &paid
		}
		items := make([]shop.OrderItem, 1+s.random.IntN(mostItems))
		for j := range items {
			// Neighbours of one random product: no order has a product twice.
			product := s.catalog[(s.random.IntN(Products/mostItems)*mostItems+j)%Products]
			items[j] = shop.OrderItem{
				ProductID: product.ID, Quantity: 1 + s.random.Int64N(4), UnitPriceCents: product.PriceCents,
			}
			order.TotalCents += items[j].Quantity * items[j].UnitPriceCents
		}
		s.placed, s.bought = append(s.placed, order), append(s.bought, items)
	}
	return len(s.placed), tx.CreateInBatches(&s.placed, batch).Error
}

func (s *seeder) items(tx *gorm.DB) (int, error) {
	var all []shop.OrderItem
	for i, items := range s.bought {
		for _, item := range items {
			item.OrderID = s.placed[i].ID
			all = append(all, item)
		}
	}
	return len(all), tx.CreateInBatches(&all, batch).Error
}

func (s *seeder) metrics(tx *gorm.DB) (int, error) {
	var all []shop.SensorMetric
	for sensor := range Sensors {
		for minute := range int64(sensorHours * 60) {
			m := shop.SensorMetric{
				Sensor: fmt.Sprintf("hall-%d", sensor+1), Minute: shop.Minute(s.start) + minute, Samples: 60,
			}
			for range m.Samples {
				m.Total += 19_000 + s.random.Int64N(4_000) // about 21 °C
			}
			all = append(all, m)
		}
	}
	return len(all), tx.CreateInBatches(&all, batch).Error
}

func pick[T any](s *seeder, of []T) T { return of[s.random.IntN(len(of))] }
