package shop

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Category is a kind of product.
type Category struct {
	_    struct{} `cache:"aside,ttl=10m"`
	ID   int64    `json:"id"`
	Slug string   `json:"slug"`
	Name string   `json:"name"`
}

// Product is a thing to buy. Money is in cents.
type Product struct {
	_           struct{}  `cache:"aside,ttl=10m"`
	ID          int64     `json:"id"`
	CategoryID  int64     `json:"category_id"`
	Category    *Category `json:"category,omitempty"`
	SKU         string    `json:"sku"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	PriceCents  int64     `json:"price_cents"`
	Stock       int64     `json:"stock"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// Categories returns all categories by name; there are few.
func (s *Shop) Categories(ctx context.Context) ([]Category, error) {
	var all []Category
	if err := s.db.WithContext(ctx).Order("name").Find(&all).Error; err != nil {
		return nil, failed("list the categories", err)
	}
	return all, nil
}

// Products lists products, of one category unless the slug is empty, and tells whether there are more. An unknown
// category is ErrNotFound.
func (s *Shop) Products(ctx context.Context, category string, span Span) (_ []Product, more bool, _ error) {
	query := span.page(s.db.WithContext(ctx))
	if category != "" {
		var found Category
		if err := s.db.WithContext(ctx).Take(&found, "slug = ?", category).Error; err != nil {
			return nil, false, failed(fmt.Sprintf("find the category %q", category), err)
		}
		query = query.Where("category_id = ?", found.ID)
	}
	var products []Product
	if err := query.Find(&products).Error; err != nil {
		return nil, false, failed("list products", err)
	}
	products, more = cut(products, span)
	return products, more, nil
}

// Product returns a product with its category. Both are read by their keys, so each is a row of the cache.
func (s *Shop) Product(ctx context.Context, id int64) (Product, error) {
	var p Product
	if err := s.db.WithContext(ctx).Preload("Category").Take(&p, id).Error; err != nil {
		return Product{}, failed(fmt.Sprintf("find product %d", id), err)
	}
	return p, nil
}

// ProductChange is what a merchant may change; nil leaves a field as it is.
type ProductChange struct {
	Name       *string
	PriceCents *int64
	Stock      *int64
}

// ChangeProduct changes a product and returns it as it is now.
func (s *Shop) ChangeProduct(ctx context.Context, id int64, change ProductChange) (Product, error) {
	columns := map[string]any{}
	if change.Name != nil {
		columns["name"] = *change.Name
	}
	if change.PriceCents != nil {
		columns["price_cents"] = *change.PriceCents
	}
	if change.Stock != nil {
		columns["stock"] = *change.Stock
	}
	if len(columns) > 0 {
		result := s.db.WithContext(ctx).Model(&Product{ID: id}).Updates(columns)
		if result.Error != nil {
			return Product{}, failed(fmt.Sprintf("change product %d", id), result.Error)
		}
		if result.RowsAffected == 0 {
			return Product{}, failed(fmt.Sprintf("change product %d", id), gorm.ErrRecordNotFound)
		}
	}
	return s.Product(ctx, id)
}
