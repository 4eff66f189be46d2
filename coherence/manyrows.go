package coherence

// tableReads is what a page knows of a table whose rows it reads one by one.
type tableReads struct {
	whole Stamps // of the table as a whole, from before the first of its rows was read
	wide  bool   // the page stands on whole, and rows read from now on add nothing
}

// Reading announces reads of rows of the tables, before the data is read: the stamp of each table as a whole is noted, for a
// page that comes to read more rows than it may stand on. Tags that are no tables are ignored.
func (d *Deps) Reading(tables ...Tag) {
	if d == nil {
		return
	}
	r := d.record
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range tables {
		if t.kind != kindTable || r.tables[t.table] != nil {
			continue
		}
		if r.tables == nil {
			r.tables = map[uint64]*tableReads{}
		}
		r.tables[t.table] = &tableReads{whole: d.engine.Stamp(nil, t)}
	}
}

// ReadRow is Read for the stamps of one row of a table that was announced by Reading before its data was read. When the page
// has no room for more stamps, it stands on the table as a whole, as that was before the first of its rows was read.
func (d *Deps) ReadRow(table Tag, s Stamps) {
	if d == nil {
		return
	}
	if !d.record.readRow(table.table, s) {
		d.note(ReasonMany)
	}
	d.tooLate(ReasonLate)
}

// readRow reports whether the page stands on all it has read.
func (r *record) readRow(table uint64, s Stamps) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tables[table]
	if t == nil {
		return r.add(s)
	}
	if !t.wide && len(r.stamps.list)+len(s) > MaxStamps {
		t.wide = true
		for _, st := range t.whole {
			r.stamps.add(st) // beyond the bound by two words a table
		}
	}
	if t.wide {
		r.reads++
		return true
	}
	return r.add(s)
}

// dependRow makes the page stand on a row whose data is about to be read.
func (d *Deps) dependRow(t Tag) {
	table := t.Table()
	d.Reading(table)
	d.ReadRow(table, d.engine.Stamp(nil, t))
}
