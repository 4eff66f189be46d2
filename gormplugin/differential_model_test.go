package cacheplugin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Sailor has hooks, a soft delete and every kind of association.
type Sailor struct {
	gorm.Model
	Name      string `gorm:"size:64"`
	Age       uint
	Wage      float64
	Born      *time.Time
	Sober     bool
	ShipID    *int64
	Ship      *Ship
	CaptainID *uint
	Captain   *Sailor
	Crew      []Sailor `gorm:"foreignKey:CaptainID"`
	Berth     Berth
	Parrots   []*Parrot
	Coins     []Coin    `gorm:"polymorphic:Owner"`
	Tongues   []Tongue  `gorm:"many2many:sailor_tongues"`
	Mates     []*Sailor `gorm:"many2many:sailor_mates"`
	Seen      int       `gorm:"-"`
}

func (s *Sailor) BeforeSave(tx *gorm.DB) error   { return note(tx, "BeforeSave", s.Name) }
func (s *Sailor) AfterSave(tx *gorm.DB) error    { return note(tx, "AfterSave", s.Name) }
func (s *Sailor) BeforeCreate(tx *gorm.DB) error { return note(tx, "BeforeCreate", s.Name) }
func (s *Sailor) AfterCreate(tx *gorm.DB) error  { return note(tx, "AfterCreate", s.Name, s.ID) }
func (s *Sailor) BeforeUpdate(tx *gorm.DB) error { return note(tx, "BeforeUpdate", s.Name) }
func (s *Sailor) AfterUpdate(tx *gorm.DB) error  { return note(tx, "AfterUpdate", s.Name) }
func (s *Sailor) BeforeDelete(tx *gorm.DB) error { return note(tx, "BeforeDelete", s.ID) }
func (s *Sailor) AfterDelete(tx *gorm.DB) error  { return note(tx, "AfterDelete", s.ID) }
func (s *Sailor) AfterFind(tx *gorm.DB) error {
	s.Seen++
	return note(tx, "AfterFind", s.ID, tx.Statement.Table)
}

// Ship is plain; its cargo goes down with it.
type Ship struct {
	ID    int64
	Name  string `gorm:"unique;not null"`
	Tons  int64
	Cargo []Cargo `gorm:"constraint:OnDelete:CASCADE"`
}

// Cargo has a composite key.
type Cargo struct {
	ShipID int64  `gorm:"primaryKey;autoIncrement:false"`
	Hold   string `gorm:"primaryKey"`
	Weight int64
	Note   *string
}

// Berth is a sailor's only one.
type Berth struct {
	ID       int64
	SailorID *uint
	Number   string
}

// Parrot belongs to a sailor, and is softly deleted, too.
type Parrot struct {
	gorm.Model
	SailorID *uint
	Name     string
	Coin     *Coin `gorm:"polymorphic:Owner"`
}

// Coin belongs to a sailor or to a parrot.
type Coin struct {
	ID        int64
	Face      string
	Worth     int64
	OwnerID   uint
	OwnerType string
}

// Tongue has a key of text.
type Tongue struct {
	Code string `gorm:"primaryKey"`
	Name string
}

// Chart has a UUID for a key, made by a hook.
type Chart struct {
	ID    string `gorm:"type:uuid;primaryKey"`
	Title string
}

func (c *Chart) BeforeCreate(*gorm.DB) error {
	if c.ID == "" {
		c.ID = fmt.Sprintf("00000000-0000-4000-8000-%012d", len(c.Title))
	}
	return nil
}

// Voyage has hooks that read, write, change and refuse.
type Voyage struct {
	ID   int64
	Name string
	Days int64
	Legs int64
}

func (v *Voyage) BeforeSave(*gorm.DB) error {
	if v.Name == "cursed" {
		return errors.New("no crew sails on a cursed voyage")
	}
	return nil
}

func (v *Voyage) AfterCreate(tx *gorm.DB) error {
	return tx.Create(&Remark{VoyageID: v.ID, Text: "planned " + v.Name}).Error
}

func (v *Voyage) BeforeUpdate(tx *gorm.DB) error {
	var before Voyage
	if err := tx.Session(&gorm.Session{NewDB: true}).Take(&before, v.ID).Error; err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return err
	}
	return note(tx, "was", before.Name, before.Days)
}

func (v *Voyage) AfterUpdate(tx *gorm.DB) error {
	if v.Name == "doomed" {
		return errors.New("doomed")
	}
	return tx.Model(&Ship{}).Where("id = ?", 1).UpdateColumn("tons", gorm.Expr("tons + ?", 1)).Error
}

func (v *Voyage) AfterDelete(tx *gorm.DB) error {
	return tx.Where("voyage_id = ?", v.ID).Delete(&Remark{}).Error
}

func (v *Voyage) AfterFind(tx *gorm.DB) error {
	v.Name = strings.ToUpper(v.Name)
	return tx.Session(&gorm.Session{NewDB: true}).Model(&Remark{}).Where("voyage_id = ?", v.ID).Count(&v.Legs).Error
}

// Remark is what the hooks of voyages write.
type Remark struct {
	ID       int64
	VoyageID int64
	Text     string
}

// Logline has no key.
type Logline struct {
	Day  int64
	Text string
}

// Tide has a key that floats.
type Tide struct {
	Height float64 `gorm:"primaryKey;autoIncrement:false"`
	Name   string
}

// Flag leaves much to the database.
type Flag struct {
	ID    int64
	Name  string `gorm:"default:jolly"`
	Rank  int64  `gorm:"default:7"`
	Dyed  *bool  `gorm:"default:true"`
	Label string `gorm:"->;type:text GENERATED ALWAYS AS (name || '!') STORED"`
}

// models are all of them, each after those it refers to.
func models() []any {
	return []any{
		&Ship{}, &Cargo{}, &Tongue{}, &Sailor{}, &Berth{}, &Parrot{}, &Coin{}, &Chart{}, &Voyage{}, &Remark{}, &Logline{},
		&Tide{}, &Flag{}, &Rope{}, &Locker{}, &Chest{},
	}
}

type traceKey struct{}

// note records that a hook ran.
func note(tx *gorm.DB, what ...any) error {
	if trace, ok := tx.Statement.Context.Value(traceKey{}).(*[]string); ok {
		*trace = append(*trace, strings.TrimSpace(fmt.Sprintln(what...)))
	}
	return nil
}

func withTrace(ctx context.Context, trace *[]string) context.Context {
	return context.WithValue(ctx, traceKey{}, trace)
}
