package cacheplugin_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// associated is a trial on an association of sailor 1, whose rows are read before and after.
func associated(name, relation string, do func(w *witness, a *gorm.Association) error) trial {
	return trial{name: relation + ": " + name, do: func(w *witness) {
		look := func() {
			var s Sailor
			w.ran(w.Preload(relation, func(tx *gorm.DB) *gorm.DB { return tx.Order(clause.OrderByColumn{Column: clause.PrimaryColumn}) }).First(&s, 1), &s)
			w.saw(w.Model(&s).Association(relation).Count())
		}
		look()
		s := Sailor{Model: gorm.Model{ID: 1}, ShipID: ptr(int64(1))}
		w.saw(do(w, w.Model(&s).Association(relation)), &s)
		look()
	}}
}

// associationTrials write associations.
func associationTrials() []trial {
	parrot := func(id uint) *Parrot { return &Parrot{Model: gorm.Model{ID: id}} }
	type assoc = *gorm.Association
	return append([]trial{
		associated("append new", "Parrots", func(_ *witness, a assoc) error { return a.Append(&Parrot{Name: "Pip"}) }),
		associated("append old", "Parrots", func(_ *witness, a assoc) error { return a.Append(&Parrot{Model: gorm.Model{ID: 3}, Name: "Rio"}) }),
		associated("append several", "Parrots", func(_ *witness, a assoc) error { return a.Append([]*Parrot{{Name: "Pip"}, {Name: "Pop"}}) }),
		associated("append the wrong kind", "Parrots", func(_ *witness, a assoc) error { return a.Append(&Ship{Name: "Pip"}) }),
		associated("replace", "Parrots", func(_ *witness, a assoc) error { return a.Replace(&Parrot{Name: "Pip"}) }),
		associated("delete", "Parrots", func(_ *witness, a assoc) error { return a.Delete(parrot(1)) }),
		associated("delete one of others", "Parrots", func(_ *witness, a assoc) error { return a.Delete(parrot(3)) }),
		associated("clear", "Parrots", func(_ *witness, a assoc) error { return a.Clear() }),
		associated("clear for good", "Parrots", func(_ *witness, a assoc) error { return a.Unscoped().Clear() }),
		associated("append new", "Tongues", func(_ *witness, a assoc) error { return a.Append(&Tongue{Code: "la", Name: "Latin"}) }),
		associated("append old", "Tongues", func(_ *witness, a assoc) error { return a.Append(&Tongue{Code: "fr", Name: "other"}) }),
		associated("append what is there", "Tongues", func(_ *witness, a assoc) error { return a.Append([]Tongue{{Code: "en"}, {Code: "sw"}}) }),
		associated("replace", "Tongues", func(_ *witness, a assoc) error { return a.Replace([]Tongue{{Code: "fr"}, {Code: "sw"}}) }),
		associated("delete", "Tongues", func(_ *witness, a assoc) error { return a.Delete(Tongue{Code: "en"}) }),
		associated("clear", "Tongues", func(_ *witness, a assoc) error { return a.Clear() }),
		associated("append", "Mates", func(_ *witness, a assoc) error {
			return a.Append(&Sailor{Model: gorm.Model{ID: 4}}, &Sailor{Name: "Gus"})
		}),
		associated("replace", "Mates", func(_ *witness, a assoc) error { return a.Replace(&Sailor{Model: gorm.Model{ID: 4}}) }),
		associated("delete", "Mates", func(_ *witness, a assoc) error { return a.Delete(&Sailor{Model: gorm.Model{ID: 2}}) }),
		associated("append", "Coins", func(_ *witness, a assoc) error { return a.Append(&Coin{Face: "half"}) }),
		associated("replace", "Coins", func(_ *witness, a assoc) error { return a.Replace([]Coin{{Face: "half"}, {ID: 1, Face: "king"}}) }),
		associated("delete", "Coins", func(_ *witness, a assoc) error { return a.Delete(&Coin{ID: 2}) }),
		associated("clear", "Coins", func(_ *witness, a assoc) error { return a.Clear() }),
		associated("replace", "Berth", func(_ *witness, a assoc) error { return a.Replace(&Berth{Number: "N1"}) }),
		associated("append", "Berth", func(_ *witness, a assoc) error { return a.Append(&Berth{ID: 2, Number: "B2"}) }),
		associated("delete", "Berth", func(_ *witness, a assoc) error { return a.Delete(&Berth{ID: 1}) }),
		associated("clear", "Berth", func(_ *witness, a assoc) error { return a.Clear() }),
		associated("replace", "Ship", func(_ *witness, a assoc) error { return a.Replace(&Ship{Name: "Dove"}) }),
		associated("append old", "Ship", func(_ *witness, a assoc) error { return a.Append(&Ship{ID: 2, Name: "Beagle"}) }),
		associated("delete", "Ship", func(_ *witness, a assoc) error { return a.Delete(&Ship{ID: 1}) }),
		associated("clear", "Ship", func(_ *witness, a assoc) error { return a.Clear() }),
		associated("append", "Crew", func(_ *witness, a assoc) error { return a.Append(&Sailor{Name: "Hal"}) }),
		associated("clear", "Crew", func(_ *witness, a assoc) error { return a.Clear() }),
		{name: "of several owners", do: func(w *witness) {
			owners := []Sailor{{Model: gorm.Model{ID: 1}}, {Model: gorm.Model{ID: 2}}}
			w.saw(w.Model(&owners).Association("Tongues").Append(&Tongue{Code: "fr"}, &Tongue{Code: "sw"}), &owners)
			w.saw(w.Model(&owners).Association("Parrots").Replace(&Parrot{Name: "Pip"}, &Parrot{Name: "Pop"}), &owners)
			w.saw(w.Model(&owners).Association("Tongues").Clear(), &owners)
		}},
	}, autosaveTrials()...)
}

// autosaveTrials write rows with those around them.
func autosaveTrials() []trial {
	return []trial{
		wrote("create with all around", newFamily, create),
		wrote("create with all around, saving in full", newFamily, func(w *witness, s *Sailor) *gorm.DB {
			return w.with(gorm.Session{FullSaveAssociations: true}).Create(s)
		}),
		wrote("create without those around", newFamily, func(w *witness, s *Sailor) *gorm.DB { return w.Omit(clause.Associations).Create(s) }),
		wrote("create with some around", newFamily, func(w *witness, s *Sailor) *gorm.DB { return w.Omit("Ship", "Captain", "Tongues.*").Create(s) }),
		wrote("create with selected around", newFamily, func(w *witness, s *Sailor) *gorm.DB { return w.Select("Name", "Berth", "Ship").Create(s) }),
		wrote("create several with all around", func() []Sailor {
			a := newFamily()
			return []Sailor{a, {Name: "Ivy", Ship: a.Ship, Coins: []Coin{{Face: "c"}}}}
		},
			func(w *witness, s *[]Sailor) *gorm.DB { return w.Create(s) }),
		wrote("update with all around", func() Sailor { s := newFamily(); s.ID = 1; return s }, func(w *witness, s *Sailor) *gorm.DB { return w.Updates(s) }),
		wrote("update with all around, saving in full", func() Sailor { s := newFamily(); s.ID = 1; s.Ship.ID = 1; return s }, func(w *witness, s *Sailor) *gorm.DB {
			return w.with(gorm.Session{FullSaveAssociations: true}).Updates(s)
		}),
		wrote("update one selected association", of(Sailor{Model: gorm.Model{ID: 1}}), func(w *witness, s *Sailor) *gorm.DB {
			return w.Model(s).Select("Ship").Updates(Sailor{Ship: &Ship{Name: "Dove"}})
		}),
		wrote("create a ship with its cargo", of(Ship{ID: 60, Name: "Dove", Cargo: []Cargo{{Hold: "bow"}, {Hold: "mid", Weight: 4}}}), create),
		wrote("save a ship with its cargo", of(Ship{ID: 1, Name: "Argo", Tons: 1, Cargo: []Cargo{{Hold: "bow", Weight: 77}, {Hold: "top"}}}),
			func(w *witness, s *Ship) *gorm.DB { return w.Save(s) }),
		wrote("save a ship with its cargo in full", of(Ship{ID: 1, Name: "Argo", Tons: 1, Cargo: []Cargo{{Hold: "bow", Weight: 77}, {Hold: "top"}}}),
			func(w *witness, s *Ship) *gorm.DB { return w.with(gorm.Session{FullSaveAssociations: true}).Save(s) }),
		wrote("an association that cannot be saved", of(Sailor{Name: "Fay", Ship: &Ship{Name: "Argo"}}), create),
		wrote("an association that cannot be saved, after the row", of(Sailor{Name: "Fay", Parrots: []*Parrot{{Model: gorm.Model{ID: 1}, Name: "Copy"}}, Coins: []Coin{{Face: "c"}}}), create),
	}
}
