package cacheplugin_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func byID(tx *gorm.DB) *gorm.DB { return tx.Order("id") }

// relationTrials read rows with those they refer to.
func relationTrials() []trial {
	return []trial{
		found("preload belongs to", func(w *witness, s *Sailor) *gorm.DB { return w.Preload("Ship").First(s, 1) }),
		found("preload belongs to nobody", func(w *witness, s *Sailor) *gorm.DB { return w.Preload("Ship").Preload("Captain").First(s, 4) }),
		found("preload has one", func(w *witness, s *[]Sailor) *gorm.DB { return w.Preload("Berth").Order("id").Find(s) }),
		found("preload has many", func(w *witness, s *[]Sailor) *gorm.DB { return w.Preload("Parrots", byID).Order("id").Find(s) }),
		found("preload has many, unscoped", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Unscoped().Preload("Parrots", byID).Order("id").Find(s)
		}),
		found("preload self", func(w *witness, s *[]*Sailor) *gorm.DB {
			return w.Preload("Captain").Preload("Crew", byID).Order("id").Find(s)
		}),
		found("preload many to many", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Preload("Tongues", func(tx *gorm.DB) *gorm.DB { return tx.Order("code") }).Order("id").Find(s)
		}),
		found("preload many to many of self", func(w *witness, s *[]Sailor) *gorm.DB { return w.Preload("Mates", byID).Order("id").Find(s) }),
		found("preload polymorphic", func(w *witness, s *[]Sailor) *gorm.DB { return w.Preload("Coins", byID).Order("id").Find(s) }),
		found("preload polymorphic one", func(w *witness, p *[]Parrot) *gorm.DB { return w.Preload("Coin").Order("id").Find(p) }),
		found("preload composite", func(w *witness, s *[]Ship) *gorm.DB {
			return w.Preload("Cargo", func(tx *gorm.DB) *gorm.DB { return tx.Order("hold desc") }).Order("id").Find(s)
		}),
		found("preload nested", func(w *witness, s *Sailor) *gorm.DB {
			return w.Preload("Parrots", byID).Preload("Parrots.Coin").Preload("Crew.Ship.Cargo").Preload("Captain.Berth").First(s, 1)
		}),
		found("preload with condition", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Preload("Parrots", "name = ?", "Kiki").Preload("Coins", "worth > ?", 10).Order("id").Find(s)
		}),
		found("preload all", func(w *witness, s *Sailor) *gorm.DB { return w.Preload(clause.Associations).First(s, 1) }),
		found("preload into none", func(w *witness, s *[]Sailor) *gorm.DB { return w.Preload("Ship").Find(s, "id > 99") }),
		found("preload the unknown", func(w *witness, s *Sailor) *gorm.DB { return w.Preload("Beard").First(s, 1) }),
		found("preload with select", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Select("id", "name", "ship_id").Preload("Ship", func(tx *gorm.DB) *gorm.DB { return tx.Select("id", "name") }).Order("id").Find(s)
		}),
		found("join belongs to", func(w *witness, s *[]Sailor) *gorm.DB { return w.Joins("Ship").Order("sailors.id").Find(s) }),
		found("join belongs to, by key", func(w *witness, s *Sailor) *gorm.DB { return w.Joins("Ship").First(s, 1) }),
		found("join belongs to nobody, by key", func(w *witness, s *Sailor) *gorm.DB { return w.Joins("Ship").First(s, 4) }),
		found("inner join", func(w *witness, s *[]Sailor) *gorm.DB { return w.InnerJoins("Ship").Order("sailors.id").Find(s) }),
		found("join with conditions", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Joins("Ship", w.Where(&Ship{Name: "Argo"})).Order("sailors.id").Find(s)
		}),
		found("join with selected columns", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Joins("Ship", w.Select("name")).Order("sailors.id").Find(s)
		}),
		found("join has one", func(w *witness, s *[]Sailor) *gorm.DB { return w.Joins("Berth").Order("sailors.id").Find(s) }),
		found("join self", func(w *witness, s *[]Sailor) *gorm.DB { return w.Joins("Captain").Order("sailors.id").Find(s) }),
		found("join nested", func(w *witness, s *[]Sailor) *gorm.DB { return w.Joins("Captain.Ship").Order("sailors.id").Find(s) }),
		found("join and preload", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Joins("Ship").Preload("Ship.Cargo").Preload("Parrots", byID).Order("sailors.id").Find(s)
		}),
		found("join and where", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Joins("Ship").Where(`"Ship"."tons" > ?`, 100).Order("sailors.id").Find(s)
		}),
		found("join by text", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Joins("JOIN parrots ON parrots.sailor_id = sailors.id AND parrots.name = ?", "Rio").Find(s)
		}),
		found("join and count", func(w *witness, n *int64) *gorm.DB {
			return w.Model(&Sailor{}).Joins("Ship").Where(`"Ship"."id" = 1`).Count(n)
		}),
		found("join and pluck", func(w *witness, d *[]string) *gorm.DB {
			return w.Model(&Sailor{}).Joins("LEFT JOIN ships s ON s.id = sailors.ship_id").Order("sailors.id").Pluck("COALESCE(s.name, 'none')", d)
		}),
		found("join a sub-query", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Joins("JOIN (?) q ON q.ship_id = sailors.ship_id", w.Model(&Cargo{}).Select("ship_id, sum(weight) AS w").Group("ship_id")).Order("sailors.id").Find(s)
		}),
		found("join into maps", func(w *witness, d *[]map[string]any) *gorm.DB {
			return w.Model(&Sailor{}).Joins("Ship").Order("sailors.id").Find(d)
		}),
		{name: "association find and count", do: func(w *witness) {
			s := Sailor{Model: gorm.Model{ID: 1}}
			var (
				parrots []Parrot
				tongues []Tongue
				ship    Ship
				mates   []Sailor
				coins   []Coin
			)
			w.saw(w.Model(&s).Order("id").Association("Parrots").Find(&parrots), &parrots)
			w.saw(w.Model(&s).Order("code").Association("Tongues").Find(&tongues, "code <> ?", "el"), &tongues)
			w.saw(w.Model(&s).Order("id").Association("Mates").Find(&mates), &mates)
			w.saw(w.Model(&s).Order("id").Association("Coins").Find(&coins), &coins)
			s.ShipID = ptr(int64(1))
			w.saw(w.Model(&s).Association("Ship").Find(&ship), &ship)
			w.saw(w.Model(&s).Association("Parrots").Count(), w.Model(&s).Association("Tongues").Count(), w.Model(&s).Association("Mates").Count())
			w.saw(w.Model(&[]Sailor{{Model: gorm.Model{ID: 1}}, {Model: gorm.Model{ID: 2}}}).Association("Parrots").Count())
			w.saw(w.Model(&s).Association("Beards").Error)
		}},
		{name: "related rows share what is cached", do: func(w *witness) {
			var (
				ship   Ship
				sailor Sailor
			)
			w.ran(w.First(&ship, 1), &ship)
			w.ran(w.Preload("Ship").First(&sailor, 1), &sailor)
			sailor.Ship.Name = "changed in memory"
			ship.Name = "changed, too"
			var again Sailor
			w.ran(w.Preload("Ship").First(&again, 1), &again)
		}},
		{name: "what is found is the caller's own", do: func(w *witness) {
			var a, b Chest
			w.ran(w.First(&a, 1), &a)
			a.Notes["a"], a.List[0], a.Marks[0] = 9, "changed", "changed"
			w.ran(w.First(&b, 1), &b)
			var l, m Locker
			w.ran(w.First(&l, 1), &l)
			l.Bytes[0] = 77
			*l.PI = 77
			w.ran(w.First(&m, 1), &m)
			var x, y []map[string]any
			w.ran(w.Table("lockers").Where("id = 1").Find(&x), &x)
			if bytes, ok := x[0]["bytes"].([]byte); ok {
				bytes[0] = 77
			}
			w.ran(w.Table("lockers").Where("id = 1").Find(&y), &y)
		}},
	}
}
