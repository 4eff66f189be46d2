package shop

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Line is a product on a shopping list. A list has each product once.
type Line struct {
	ProductID int64
	Quantity  int64
}

// Place takes the products off the shelf and makes an order of them, in one transaction: what it changes is seen when it
// commits, in the database, in the cache and in pages alike. A product there is not is ErrNotFound, one of which there
// is not enough ErrConflict.
func (s *Shop) Place(ctx context.Context, customer int64, note string, lines []Line) (Order, error) {
	order := Order{CustomerID: customer, Status: Placed, Note: note, Revision: 1, PlacedAt: time.Now().UTC()}
	// Everybody takes products in the same order, so two purchases never wait for each other.
	lines = slices.SortedFunc(slices.Values(lines), func(a, b Line) int { return cmp.Compare(a.ProductID, b.ProductID) })
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		items := make([]OrderItem, len(lines))
		for i, line := range lines {
			price, err := take(tx, line)
			if err != nil {
				return err
			}
			items[i] = OrderItem{ProductID: line.ProductID, Quantity: line.Quantity, UnitPriceCents: price}
			order.TotalCents += price * line.Quantity
		}
		if err := tx.Omit("Items").Create(&order).Error; err != nil {
			return failed("place an order", err)
		}
		for i := range items {
			items[i].OrderID = order.ID
		}
		if err := tx.Create(&items).Error; err != nil {
			return failed("place the items of an order", err)
		}
		order.Items = items
		return nil
	})
	if err != nil {
		return Order{}, err
	}
	return order, nil
}

// take takes a line's products off the shelf and returns the price of one. The update comes first: it locks the row, so
// the price that is read after it is the one that holds when the order is placed.
func take(tx *gorm.DB, line Line) (priceCents int64, _ error) {
	taken := tx.Model(&Product{ID: line.ProductID}).Where("stock >= ?", line.Quantity).
		Update("stock", gorm.Expr("stock - ?", line.Quantity))
	if taken.Error != nil {
		return 0, failed(fmt.Sprintf("take product %d", line.ProductID), taken.Error)
	}
	var product Product
	if err := tx.Take(&product, line.ProductID).Error; err != nil {
		return 0, failed(fmt.Sprintf("find product %d", line.ProductID), err)
	}
	if taken.RowsAffected == 0 {
		return 0, fmt.Errorf("take %d of product %d, of which there are %d: %w",
			line.Quantity, line.ProductID, product.Stock, ErrConflict)
	}
	return product.PriceCents, nil
}
