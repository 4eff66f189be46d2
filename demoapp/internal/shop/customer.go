package shop

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Customer is somebody who buys. It has no tag, so the cache never holds one.
type Customer struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Email     string    `json:"email"`
	CreatedAt time.Time `json:"created_at"`
}

// Customer returns a customer.
func (s *Shop) Customer(ctx context.Context, id int64) (Customer, error) {
	var c Customer
	if err := s.db.WithContext(ctx).Take(&c, id).Error; err != nil {
		return Customer{}, failed(fmt.Sprintf("find customer %d", id), err)
	}
	return c, nil
}

// RenameCustomer gives a customer another name and returns the customer as it is now.
func (s *Shop) RenameCustomer(ctx context.Context, id int64, name string) (Customer, error) {
	result := s.db.WithContext(ctx).Model(&Customer{ID: id}).Update("name", name)
	if result.Error != nil {
		return Customer{}, failed(fmt.Sprintf("rename customer %d", id), result.Error)
	}
	if result.RowsAffected == 0 {
		return Customer{}, failed(fmt.Sprintf("rename customer %d", id), gorm.ErrRecordNotFound)
	}
	return s.Customer(ctx, id)
}
