package cacheplugin_test

import (
	"fmt"
	"math/rand/v2"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// randomTrials are sequences of calls drawn at random, over few rows so that they meet. A seed names its sequence: one
// that failed is added to the list.
func randomTrials() []trial {
	var trials []trial
	for _, seed := range []uint64{1, 2, 3, 4, 5, 6, 7, rand.Uint64()} {
		trials = append(trials, trial{name: fmt.Sprintf("seed %d", seed), do: func(w *witness) {
			g := gamble{Rand: rand.New(rand.NewPCG(seed, 0)), witness: w}
			for range 40 {
				g.step(w.DB, 0)
			}
		}})
	}
	return trials
}

// gamble draws calls.
type gamble struct {
	*rand.Rand
	*witness
}

func (g *gamble) id() int64 { return 1 + g.Int64N(6) }

func (g *gamble) code() string { return []string{"el", "en", "fr", "no", "la"}[g.IntN(5)] }

// step makes one call, or a transaction of some.
func (g *gamble) step(tx *gorm.DB, depth int) {
	switch n := g.IntN(24); {
	case n < 10:
		g.read(tx)
	case n < 22:
		g.write(tx)
	default:
		if depth == 2 {
			return
		}
		giveUp := g.IntN(3) == 0
		g.saw(tx.Transaction(func(tx *gorm.DB) error {
			for range 1 + g.IntN(5) {
				g.step(tx, depth+1)
			}
			if giveUp {
				return errChanged
			}
			return nil
		}))
	}
}

func (g *gamble) read(tx *gorm.DB) {
	var (
		c       Coin
		coins   []Coin
		t       Tongue
		tongues []*Tongue
		s       Sailor
		cargo   Cargo
		n       int64
	)
	switch g.IntN(8) {
	case 0, 1:
		g.ran(tx.First(&c, g.id()), &c)
	case 2:
		g.ran(tx.Order("id").Find(&coins, "worth > ?", g.IntN(20)), &coins)
	case 3:
		g.ran(tx.Take(&t, "code = ?", g.code()), &t)
	case 4:
		g.ran(tx.Order("code").Find(&tongues), &tongues)
	case 5:
		g.ran(tx.Preload("Parrots", byID).Preload("Coins", byID).Limit(1).Find(&s, g.id()), &s)
	case 6:
		g.ran(tx.Where("ship_id = ? AND hold = ?", 1+g.IntN(3), "bow").Limit(1).Find(&cargo), &cargo)
	default:
		g.ran(tx.Model(&Coin{}).Where("face = ?", "x").Count(&n), &n)
	}
}

func (g *gamble) write(tx *gorm.DB) {
	id, code := g.id(), g.code()
	switch g.IntN(15) {
	case 0: // which error a key that is there gives depends on the policy
		g.saw(tx.Session(&gorm.Session{}).Clauses(clause.OnConflict{DoNothing: true}).Create(&Coin{ID: id, Face: "made", Worth: id}).Error)
	case 1:
		g.ran(tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Tongue{Code: code, Name: "made"}))
	case 2:
		g.ran(tx.Model(&Coin{ID: id}).Update("face", "x"))
	case 3, 4:
		g.ran(tx.Model(&Coin{ID: id}).Update("worth", gorm.Expr("worth + ?", g.IntN(5))))
	case 5:
		g.ran(tx.Model(&Coin{}).Where("worth > ?", g.IntN(20)).Update("face", "y"))
	case 6:
		g.ran(tx.Save(&Coin{ID: id, Face: "saved", Worth: g.Int64N(30)}))
	case 7:
		g.ran(tx.Delete(&Coin{ID: id}))
	case 8:
		g.ran(tx.Delete(&Coin{}, "id IN ?", []int64{id, 4}))
	case 9:
		g.ran(tx.Model(&Tongue{}).Where("code = ?", code).Updates(map[string]any{"name": fmt.Sprint(g.IntN(9))}))
	case 10:
		g.ran(tx.Exec("UPDATE coins SET worth = worth + 1 WHERE id <> ?", id))
	case 11:
		var coins []Coin
		g.ran(tx.Raw("UPDATE coins SET face = 'raw' WHERE id = ? RETURNING *", id).Scan(&coins), &coins)
	case 12:
		g.ran(tx.Model(&Sailor{}).Where("id = ?", id).Updates(Sailor{Age: uint(g.IntN(50))}))
	case 13:
		g.ran(tx.Model(&Cargo{ShipID: 1 + id%3, Hold: "bow"}).Update("weight", gorm.Expr("weight - ?", 1)))
	default:
		g.ran(tx.Delete(&Parrot{}, id))
	}
}
