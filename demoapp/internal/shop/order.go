package shop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Status is how far an order has come.
type Status string

// An order is placed, then paid or cancelled.
const (
	Placed    Status = "placed"
	Paid      Status = "paid"
	Cancelled Status = "cancelled"
)

// Order is what a customer bought at one time. Revision grows by one with each change.
type Order struct {
	_          struct{}    `cache:"writethrough,critical"`
	ID         int64       `json:"id"`
	CustomerID int64       `json:"customer_id"`
	Status     Status      `json:"status"`
	Note       string      `json:"note"`
	TotalCents int64       `json:"total_cents"`
	Revision   int64       `json:"revision"`
	PlacedAt   time.Time   `json:"placed_at"`
	PaidAt     *time.Time  `json:"paid_at"`
	Items      []OrderItem `json:"items,omitempty"`
}

// OrderItem is one product of an order, at the price it had then.
type OrderItem struct {
	_              struct{} `cache:"writethrough,critical"`
	ID             int64    `json:"id"`
	OrderID        int64    `json:"-"`
	ProductID      int64    `json:"product_id"`
	Quantity       int64    `json:"quantity"`
	UnitPriceCents int64    `json:"unit_price_cents"`
}

// Orders lists a customer's orders without their items, and tells whether there are more.
func (s *Shop) Orders(ctx context.Context, customer int64, span Span) (_ []Order, more bool, _ error) {
	var orders []Order
	err := span.page(s.db.WithContext(ctx)).Where("customer_id = ?", customer).Find(&orders).Error
	if err != nil {
		return nil, false, failed("list orders", err)
	}
	orders, more = cut(orders, span)
	return orders, more, nil
}

// Order returns a customer's order with its items; another customer's is ErrNotFound. It is read by its key alone and
// the customer is compared here: the cache holds the row under its key, not under every way to ask for it.
func (s *Shop) Order(ctx context.Context, customer, id int64) (Order, error) {
	var o Order
	if err := s.db.WithContext(ctx).Take(&o, id).Error; err != nil {
		return Order{}, failed(fmt.Sprintf("find order %d", id), err)
	}
	if o.CustomerID != customer {
		return Order{}, failed(fmt.Sprintf("find order %d", id), ErrNotFound)
	}
	if err := s.db.WithContext(ctx).Order("id").Find(&o.Items, "order_id = ?", id).Error; err != nil {
		return Order{}, failed(fmt.Sprintf("find the items of order %d", id), err)
	}
	return o, nil
}

// Pay marks a placed order as paid; one in another state is ErrConflict.
func (s *Shop) Pay(ctx context.Context, customer, id int64) (Order, error) {
	return s.change(ctx, customer, id, Placed, map[string]any{"status": Paid, "paid_at": time.Now().UTC()})
}

// Note changes the note on an order in any state.
func (s *Shop) Note(ctx context.Context, customer, id int64, note string) (Order, error) {
	return s.change(ctx, customer, id, "", map[string]any{"note": note})
}

// Cancel cancels a placed order and puts its products back on the shelf; an order in another state is ErrConflict.
func (s *Shop) Cancel(ctx context.Context, customer, id int64) (Order, error) {
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		inTx := New(tx)
		order, err := inTx.change(ctx, customer, id, Placed, map[string]any{"status": Cancelled})
		if err != nil {
			return err
		}
		return inTx.restock(ctx, order.Items)
	})
	if err != nil {
		return Order{}, err
	}
	return s.Order(ctx, customer, id)
}

// change updates a customer's order if it is in the given state, where "" is any, and returns it as it is now.
func (s *Shop) change(ctx context.Context, customer, id int64, in Status, columns map[string]any) (Order, error) {
	columns["revision"] = gorm.Expr("revision + 1")
	query := s.db.WithContext(ctx).Model(&Order{ID: id}).Where("customer_id = ?", customer)
	if in != "" {
		query = query.Where("status = ?", in)
	}
	result := query.Updates(columns)
	if result.Error != nil {
		return Order{}, failed(fmt.Sprintf("change order %d", id), result.Error)
	}
	order, err := s.Order(ctx, customer, id)
	if err == nil && result.RowsAffected == 0 {
		err = fmt.Errorf("change order %d: it is %s: %w", id, order.Status, ErrConflict)
	}
	return order, err
}

// restock puts products back.
func (s *Shop) restock(ctx context.Context, items []OrderItem) error {
	var errs []error
	for _, item := range items {
		errs = append(errs, s.db.WithContext(ctx).Model(&Product{ID: item.ProductID}).
			Update("stock", gorm.Expr("stock + ?", item.Quantity)).Error)
	}
	if err := errors.Join(errs...); err != nil {
		return failed("put products back", err)
	}
	return nil
}
