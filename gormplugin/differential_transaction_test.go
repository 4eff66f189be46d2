package cacheplugin_test

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"
)

var errChanged = errors.New("changed my mind") //nolint:gochecknoglobals // a sentinel

// change is what transactions do: writes of several kinds, and reads of their own writes.
func change(w *witness, tx *gorm.DB, face string) {
	w.ran(tx.Model(&Coin{ID: 1}).Update("face", face))
	w.ran(tx.Create(&Tongue{Code: face, Name: face}))
	w.ran(tx.Model(&Sailor{}).Where("age = ?", 30).Update("name", face))
	w.ran(tx.Delete(&Parrot{}, 1))
	read(w, tx)
}

func read(w *witness, tx *gorm.DB) {
	var (
		c       Coin
		tongues []Tongue
		s       []Sailor
		n       int64
	)
	w.ran(tx.First(&c, 1), &c)
	w.ran(tx.Order("code").Find(&tongues), &tongues)
	w.ran(tx.Preload("Parrots", byID).Order("id").Find(&s), &s)
	w.ran(tx.Model(&Coin{}).Where("face = ?", "one").Count(&n), &n)
}

// transacted is a trial of a transaction whose outcome is read afterwards.
func transacted(name string, do func(w *witness) error) trial {
	return trial{name: name, do: func(w *witness) {
		read(w, w.DB)
		w.saw("outcome", do(w))
		read(w, w.DB)
	}}
}

// transactionTrials run several statements as one.
func transactionTrials() []trial {
	return []trial{
		transacted("commit", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error { change(w, tx, "one"); return nil })
		}),
		transacted("roll back", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error { change(w, tx, "one"); return errChanged })
		}),
		transacted("panic", func(w *witness) (err error) {
			defer func() { w.saw("recovered", recover()) }()
			return w.Transaction(func(tx *gorm.DB) error { change(w, tx, "one"); panic("overboard") })
		}),
		transacted("begin and commit", func(w *witness) error {
			tx := w.Begin()
			change(w, tx, "one")
			return errors.Join(tx.Commit().Error, tx.Commit().Error, tx.Rollback().Error)
		}),
		transacted("begin and roll back", func(w *witness) error {
			tx := w.Begin()
			change(w, tx, "one")
			return errors.Join(tx.Rollback().Error, tx.Rollback().Error, tx.Commit().Error)
		}),
		transacted("with options", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error { change(w, tx, "one"); return nil }, &sql.TxOptions{Isolation: sql.LevelSerializable})
		}),
		transacted("read only", func(w *witness) error {
			tx := w.Begin(&sql.TxOptions{ReadOnly: true})
			read(w, tx)
			return tx.Rollback().Error
		}),
		transacted("nested, both commit", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error {
				change(w, tx, "one")
				return tx.Transaction(func(tx *gorm.DB) error { change(w, tx, "two"); return nil })
			})
		}),
		transacted("nested, inner rolls back", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error {
				change(w, tx, "one")
				w.saw(tx.Transaction(func(tx *gorm.DB) error { change(w, tx, "two"); return errChanged }))
				read(w, tx)
				return nil
			})
		}),
		transacted("nested, outer rolls back", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error {
				w.saw(tx.Transaction(func(tx *gorm.DB) error { change(w, tx, "two"); return nil }))
				return errChanged
			})
		}),
		transacted("nested thrice", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error {
				change(w, tx, "one")
				w.saw(tx.Transaction(func(tx *gorm.DB) error {
					change(w, tx, "two")
					w.saw(tx.Transaction(func(tx *gorm.DB) error { change(w, tx, "three"); return errChanged }))
					return nil
				}))
				return nil
			})
		}),
		transacted("nested transactions disabled", func(w *witness) error {
			return w.with(gorm.Session{DisableNestedTransaction: true}).Transaction(func(tx *gorm.DB) error {
				w.saw(tx.Transaction(func(tx *gorm.DB) error { change(w, tx, "two"); return errChanged }))
				return nil
			})
		}),
		transacted("savepoints", func(w *witness) error {
			tx := w.Begin()
			change(w, tx, "one")
			w.ran(tx.SavePoint("a"))
			change(w, tx, "two")
			w.ran(tx.SavePoint("b"))
			w.ran(tx.Model(&Coin{ID: 1}).Update("face", "lost"))
			w.ran(tx.RollbackTo("b"))
			read(w, tx)
			w.ran(tx.RollbackTo("a"))
			read(w, tx)
			return tx.Commit().Error
		}),
		transacted("savepoints in text", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error {
				w.ran(tx.Exec("SAVEPOINT x"))
				change(w, tx, "one")
				w.ran(tx.Exec("ROLLBACK TO SAVEPOINT x"))
				w.ran(tx.Exec("RELEASE SAVEPOINT x"))
				w.ran(tx.Model(&Coin{ID: 2}).Update("face", "kept"))
				return nil
			})
		}),
		transacted("a savepoint that is not there", func(w *witness) error {
			tx := w.Begin()
			w.ran(tx.RollbackTo("nowhere"))
			return tx.Rollback().Error
		}),
		transacted("prepared", func(w *witness) error {
			return w.with(gorm.Session{PrepareStmt: true}).Transaction(func(tx *gorm.DB) error {
				change(w, tx, "one")
				return tx.Transaction(func(tx *gorm.DB) error { change(w, tx, "two"); return nil })
			})
		}),
		transacted("prepared inside", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error {
				change(w, tx.Session(&gorm.Session{PrepareStmt: true}), "one")
				return errChanged
			})
		}),
		transacted("prepared without a transaction", func(w *witness) error {
			change(w, w.with(gorm.Session{PrepareStmt: true, SkipDefaultTransaction: true}), "one")
			return nil
		}),
		transacted("without the default transaction", func(w *witness) error {
			change(w, w.with(gorm.Session{SkipDefaultTransaction: true}), "one")
			return nil
		}),
		transacted("without the default transaction, a hook fails", func(w *witness) error {
			tx := w.with(gorm.Session{SkipDefaultTransaction: true})
			v := Voyage{ID: 1, Name: "doomed"}
			w.ran(tx.Model(&v).Update("days", 30), &v)
			w.ran(w.First(&v), &v)
			return nil
		}),
		transacted("a connection", func(w *witness) error {
			return w.Connection(func(tx *gorm.DB) error { change(w, tx.Session(&gorm.Session{}), "one"); return nil })
		}),
		transacted("a transaction on a connection", func(w *witness) error {
			return w.Connection(func(tx *gorm.DB) error {
				return tx.Transaction(func(tx *gorm.DB) error { change(w, tx, "one"); return errChanged })
			})
		}),
		transacted("a context that ends inside", func(w *witness) error {
			ctx, cancel := context.WithCancel(w.ctx)
			defer cancel()
			tx := w.WithContext(ctx).Begin()
			w.ran(tx.Model(&Coin{ID: 1}).Update("face", "x"))
			cancel()
			w.saw("refused", tx.Commit().Error != nil) // database/sql gives one of two errors, as it happens
			tx.Rollback()
			return nil
		}),
		transacted("an error inside", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error {
				w.ran(tx.Model(&Coin{ID: 1}).Update("face", "x"))
				return tx.Create(&Ship{ID: 1, Name: "again"}).Error
			})
		}),
		transacted("an error inside, caught in a nested one", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error {
				w.ran(tx.Model(&Coin{ID: 1}).Update("face", "x"))
				w.saw(tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&Ship{ID: 1, Name: "again"}).Error }))
				return nil
			})
		}),
		transacted("a row that comes and goes", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error {
				w.ran(tx.Create(&Coin{ID: 60, Face: "x"}))
				w.ran(tx.First(&Coin{}, 60))
				w.ran(tx.Delete(&Coin{ID: 60}))
				w.ran(tx.First(&Coin{}, 60))
				return nil
			})
		}),
		transacted("one row many times", func(w *witness) error {
			return w.Transaction(func(tx *gorm.DB) error {
				for range 3 {
					w.ran(tx.Model(&Coin{ID: 1}).Update("worth", gorm.Expr("worth + ?", 1)))
				}
				w.ran(tx.Exec("UPDATE coins SET worth = worth * 2"))
				w.ran(tx.Save(&Coin{ID: 2, Face: "saved"}))
				return nil
			})
		}),
		transacted("a list in a transaction that wrote another row", func(w *witness) error {
			w.ran(w.Model(&Coin{ID: 2}).Update("worth", gorm.Expr("worth + ?", 1)))
			w.ran(w.Create(&Coin{ID: 60, Face: "late"}))
			return w.Transaction(func(tx *gorm.DB) error {
				w.ran(tx.Model(&Coin{ID: 1}).Update("face", "x"))
				var all []Coin
				w.ran(tx.Order("id").Find(&all), &all)
				return nil
			})
		}),
		transacted("pending rows, then a transaction", func(w *witness) error {
			w.ran(w.Model(&Coin{ID: 1}).Update("worth", gorm.Expr("worth + ?", 1)))
			w.ran(w.Create(&Tongue{Code: "pe", Name: "pending"}))
			return w.Transaction(func(tx *gorm.DB) error {
				w.ran(tx.Model(&Coin{ID: 1}).Update("worth", gorm.Expr("worth * ?", 2)))
				w.ran(tx.Where("code = ?", "pe").Delete(&Tongue{}))
				return nil
			})
		}),
	}
}
