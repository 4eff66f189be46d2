package cacheplugin_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// saveTrials save and delete rows.
func saveTrials() []trial {
	save := func(w *witness, v *Ship) *gorm.DB { return w.Save(v) }
	trials := []trial{
		wrote("save a new row", of(Ship{Name: "Dove"}), save),
		wrote("save a row that is there", of(Ship{ID: 1, Name: "Ark", Tons: 9}), save),
		wrote("save a row that is not there", of(Ship{ID: 70, Name: "Ark", Tons: 9}), save),
		wrote("save a row unchanged", of(Ship{ID: 1, Name: "Argo", Tons: 100}), save),
		wrote("save to a name that is there", of(Ship{ID: 1, Name: "Beagle"}), save),
		wrote("save with select", of(Ship{ID: 1, Name: "Ark", Tons: 9}), func(w *witness, s *Ship) *gorm.DB { return w.Select("tons").Save(s) }),
		wrote("save with a condition", of(Coin{ID: 1, Face: "f"}), func(w *witness, c *Coin) *gorm.DB { return w.Where("worth > ?", 500).Save(c) }),
		wrote("save a sailor", of(Sailor{Model: gorm.Model{ID: 1}, Name: "Amy", Age: 1}), func(w *witness, s *Sailor) *gorm.DB { return w.Save(s) }),
		wrote("save a sailor that is not there", of(Sailor{Model: gorm.Model{ID: 70}, Name: "Amy", Age: 1}), func(w *witness, s *Sailor) *gorm.DB { return w.Save(s) }),
		wrote("save a deleted sailor", of(Sailor{Model: gorm.Model{ID: 5}, Name: "Eva"}), func(w *witness, s *Sailor) *gorm.DB { return w.Save(s) }),
		wrote("save a new sailor with others", newFamily, func(w *witness, s *Sailor) *gorm.DB { return w.Save(s) }),
		wrote("save rows", of([]Ship{{ID: 1, Name: "Ark"}, {ID: 71, Name: "New"}}), func(w *witness, s *[]Ship) *gorm.DB { return w.Save(s) }),
		wrote("save sailors", of([]Sailor{{Model: gorm.Model{ID: 1}, Name: "Amy"}, {Name: "Fay"}}), func(w *witness, s *[]Sailor) *gorm.DB { return w.Save(s) }),
		wrote("save no rows", of([]Ship{}), func(w *witness, s *[]Ship) *gorm.DB { return w.Save(s) }),
		wrote("save a composite key", of(Cargo{ShipID: 1, Hold: "bow", Weight: 99}), func(w *witness, c *Cargo) *gorm.DB { return w.Save(c) }),
		wrote("save a composite key that is not there", of(Cargo{ShipID: 1, Hold: "top", Weight: 99}), func(w *witness, c *Cargo) *gorm.DB { return w.Save(c) }),
		wrote("save a key of text", of(Tongue{Code: "en", Name: "Norse"}), func(w *witness, g *Tongue) *gorm.DB { return w.Save(g) }),
		wrote("save every kind", func() Locker { l := lockers()[0]; l.ID = 3; return l }, func(w *witness, l *Locker) *gorm.DB { return w.Save(l) }),
		wrote("save custom kinds", func() Chest { c := chests()[0]; c.ID = 2; return c }, func(w *witness, c *Chest) *gorm.DB { return w.Save(c) }),
		wrote("save defaults", of(Flag{ID: 5, Name: "new"}), func(w *witness, f *Flag) *gorm.DB { return w.Save(f) }),
		wrote("save without a key", of(Logline{Day: 7}), func(w *witness, l *Logline) *gorm.DB { return w.Save(l) }),
		{name: "read, change and save", do: func(w *witness) {
			var s Sailor
			w.ran(w.Preload("Parrots", byID).Preload("Berth").First(&s, 1), &s)
			s.Age++
			s.Parrots[0].Name = "Changed"
			s.Berth.Number = "Z9"
			w.ran(w.Save(&s), &s)
			var again Sailor
			w.ran(w.Preload("Parrots", byID).Preload("Berth").First(&again, 1), &again)
			again.Parrots[0].Name = "Changed again"
			w.ran(w.with(gorm.Session{FullSaveAssociations: true}).Save(&again), &again)
			w.ran(w.Preload("Parrots", byID).First(&s, 1), &s)
		}},
		{name: "read, change and save twice", do: func(w *witness) {
			for range 2 {
				var c Coin
				w.ran(w.First(&c, 1), &c)
				c.Worth++
				w.ran(w.Save(&c), &c)
			}
			var t Tongue
			w.ran(w.First(&t, "code = ?", "en"), &t)
			t.Name = "Broken " + t.Name
			w.ran(w.Save(&t), &t)
			w.ran(w.First(&t), &t)
		}},
		wrote("delete", of(Ship{ID: 3}), func(w *witness, s *Ship) *gorm.DB { return w.Delete(s) }),
		wrote("delete by key", of(Coin{}), func(w *witness, c *Coin) *gorm.DB { return w.Delete(c, 1) }),
		wrote("delete by text key", of(Coin{}), func(w *witness, c *Coin) *gorm.DB { return w.Delete(c, "1") }),
		wrote("delete by keys", of(Coin{}), func(w *witness, c *Coin) *gorm.DB { return w.Delete(c, []int{1, 2, 99}) }),
		wrote("delete none", of(Coin{ID: 99}), func(w *witness, c *Coin) *gorm.DB { return w.Delete(c) }),
		wrote("delete by where", of(Coin{}), func(w *witness, c *Coin) *gorm.DB { return w.Where("worth > ?", 5).Delete(c) }),
		wrote("delete by key and where", of(Coin{ID: 1}), func(w *witness, c *Coin) *gorm.DB { return w.Where("worth > ?", 50).Delete(c) }),
		wrote("delete by an inline condition", of(Coin{}), func(w *witness, c *Coin) *gorm.DB { return w.Delete(c, "face = ?", "king") }),
		wrote("delete rows", of([]Coin{{ID: 1}, {ID: 3}}), func(w *witness, c *[]Coin) *gorm.DB { return w.Delete(c) }),
		wrote("delete no rows", of([]Coin{}), func(w *witness, c *[]Coin) *gorm.DB { return w.Delete(c) }),
		wrote("delete with model", of(Coin{}), func(w *witness, c *Coin) *gorm.DB { return w.Model(&Coin{ID: 2}).Delete(c) }),
		wrote("delete everything, refused", of(Coin{}), func(w *witness, c *Coin) *gorm.DB { return w.Delete(c) }),
		wrote("delete everything, allowed", of(Coin{}), func(w *witness, c *Coin) *gorm.DB {
			return w.with(gorm.Session{AllowGlobalUpdate: true}).Delete(c)
		}),
		wrote("delete softly", of(Sailor{Model: gorm.Model{ID: 4}}), func(w *witness, s *Sailor) *gorm.DB { return w.Delete(s) }),
		wrote("delete softly by key", of(Sailor{}), func(w *witness, s *Sailor) *gorm.DB { return w.Delete(s, 2) }),
		wrote("delete softly twice", of(Sailor{}), func(w *witness, s *Sailor) *gorm.DB {
			w.ran(w.Delete(&Sailor{}, 2))
			return w.Delete(s, 2)
		}),
		wrote("delete softly by where", of(Sailor{}), func(w *witness, s *Sailor) *gorm.DB { return w.Where("age < ?", 35).Delete(s) }),
		wrote("delete softly, many", of([]Sailor{{Model: gorm.Model{ID: 1}}, {Model: gorm.Model{ID: 2}}}), func(w *witness, s *[]Sailor) *gorm.DB { return w.Delete(s) }),
		wrote("delete for good", of(Parrot{}), func(w *witness, p *Parrot) *gorm.DB { return w.Unscoped().Delete(p, 3) }),
		wrote("delete for good what was deleted softly", of(Parrot{}), func(w *witness, p *Parrot) *gorm.DB { return w.Unscoped().Delete(p, 5) }),
		wrote("bring back", of(Sailor{Model: gorm.Model{ID: 5}}), func(w *witness, s *Sailor) *gorm.DB {
			return w.Unscoped().Model(s).Update("deleted_at", nil)
		}),
		wrote("delete what others refer to", of(Ship{ID: 1}), func(w *witness, s *Ship) *gorm.DB { return w.Delete(s) }),
		wrote("delete what others refer to, translated", of(Ship{ID: 1}), func(w *witness, s *Ship) *gorm.DB { return w.translated().Delete(s) }),
		wrote("delete what takes others along", of(Ship{ID: 3}), func(w *witness, s *Ship) *gorm.DB {
			w.ran(w.First(&Cargo{}, &Cargo{ShipID: 3, Hold: "mid"}))
			w.ran(w.Delete(s), s)
			return w.Limit(1).Find(&Cargo{}, &Cargo{ShipID: 3, Hold: "mid"})
		}),
		wrote("delete a composite key", of(Cargo{ShipID: 1, Hold: "stern"}), func(w *witness, c *Cargo) *gorm.DB { return w.Delete(c) }),
		wrote("delete half a composite key", of(Cargo{ShipID: 1}), func(w *witness, c *Cargo) *gorm.DB { return w.Delete(c) }),
		wrote("delete composite keys", of([]Cargo{{ShipID: 1, Hold: "stern"}, {ShipID: 2, Hold: "bow"}}), func(w *witness, c *[]Cargo) *gorm.DB { return w.Delete(c) }),
		wrote("delete a key of text", of(Tongue{Code: "sw"}), func(w *witness, g *Tongue) *gorm.DB { return w.Delete(g) }),
		wrote("delete a loose key", of(Rope{Name: "JIB"}), func(w *witness, r *Rope) *gorm.DB { return w.Delete(r) }),
		wrote("delete without a key", of(Logline{}), func(w *witness, l *Logline) *gorm.DB { return w.Where("day = ?", 1).Delete(l) }),
		wrote("delete, returning", of([]Coin{}), func(w *witness, c *[]Coin) *gorm.DB {
			return w.Clauses(clause.Returning{}).Where("id = ?", 2).Delete(c)
		}),
		wrote("delete with those it has", of(Sailor{Model: gorm.Model{ID: 1}}), func(w *witness, s *Sailor) *gorm.DB {
			return w.Select("Parrots", "Coins", "Tongues", "Berth").Delete(s)
		}),
		wrote("delete with all associations", of(Sailor{Model: gorm.Model{ID: 2}}), func(w *witness, s *Sailor) *gorm.DB {
			return w.Select(clause.Associations).Delete(s)
		}),
		wrote("delete with hooks that write", of(Voyage{ID: 1}), func(w *witness, v *Voyage) *gorm.DB { return w.Delete(v) }),
		wrote("delete from a table", of(1), func(w *witness, _ *int) *gorm.DB { return w.Table("coins").Where("id = ?", 1).Delete(nil) }),
		{name: "generic", do: func(w *witness) {
			n, err := gorm.G[Coin](w.DB).Where("id = ?", 1).Delete(w.ctx)
			w.saw(n, err)
			n, err = gorm.G[Sailor](w.DB).Where("age = ?", 30).Delete(w.ctx)
			w.saw(n, err)
			n, err = gorm.G[Coin](w.DB).Delete(w.ctx)
			w.saw(n, err)
		}},
	}
	return trials
}

// newFamily is a sailor with new and old ones around.
func newFamily() Sailor {
	return Sailor{
		Name: "Fay", Ship: &Ship{Name: "Dove", Cargo: []Cargo{{Hold: "bow", Weight: 3}}}, Captain: &Sailor{Model: gorm.Model{ID: 2}, Name: "not Bob"},
		Berth: Berth{Number: "F1"}, Parrots: []*Parrot{{Name: "Pip", Coin: &Coin{Face: "crown"}}, {Name: "Pop"}}, Coins: []Coin{{Face: "half"}},
		Tongues: []Tongue{{Code: "en", Name: "other"}, {Code: "la", Name: "Latin"}}, Mates: []*Sailor{{Name: "Gus"}, {Model: gorm.Model{ID: 1}}},
		Crew: []Sailor{{Name: "Hal"}},
	}
}
