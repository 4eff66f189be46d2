package cacheplugin

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/policy"
)

// model is what the plugin knows of a GORM schema. It is made once per schema and not changed after, its two caches and
// its counts apart.
type model struct {
	schema   *schema.Schema
	err      error // a bad tag: the error of each of the model's statements
	policy   policy.Policy
	table    coherence.Tag
	folded   string
	life     coherence.Life  // of rows and query results
	negative coherence.Life  // of "no such row"
	remember bool            // whether "no such row" is remembered
	hidden   []string        // columns that are never stored
	keys     []*schema.Field // sorted by column: structs over one table may have them in another order
	soft     *schema.Field   // the gorm.DeletedAt field, if there is one
	odd      bool            // clauses of its own, which only the final SQL shows
	usage    usage

	plan     atomic.Pointer[decodePlan]
	relation atomic.Pointer[relation] // of schema.Table, as the catalogue last had it
}

// networkedLife bounds entries where other processes may write and no backplane tells.
const networkedLife = 30 * time.Second

// parseModel reads a model as GORM will, with the database's own naming.
func parseModel(db *gorm.DB, v any) (*schema.Schema, error) {
	if v == nil {
		return nil, errors.New("nil is no model: a struct or a pointer to one is needed")
	}
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%T is no model: a struct or a pointer to one is needed", v)
	}
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(reflect.New(t).Interface()); err != nil {
		return nil, fmt.Errorf("%s cannot be read as a model: %w", t, err)
	}
	if len(stmt.Schema.DBNames) == 0 {
		return nil, fmt.Errorf("%s cannot be read as a model: it has no column", t)
	}
	return stmt.Schema, nil
}

// modelOf returns what is known of the schema.
func (p *Plugin) modelOf(s *schema.Schema) *model {
	if m, ok := p.models.Load(s); ok {
		return m.(*model)
	}
	m, _ := p.models.LoadOrStore(s, p.newModel(s))
	return m.(*model)
}

func (p *Plugin) newModel(s *schema.Schema) *model {
	m := &model{schema: s, folded: sqltext.Folded(s.Table), keys: slices.Clone(s.PrimaryFields)}
	slices.SortFunc(m.keys, func(a, b *schema.Field) int { return cmp.Compare(strings.ToLower(a.DBName), strings.ToLower(b.DBName)) })
	m.table = coherence.TableTag(m.folded)
	if s.ModelType.Kind() != reflect.Struct {
		return m
	}
	tagged, err := policy.Of(s.ModelType)
	if err != nil {
		m.err = fmt.Errorf("cacheplugin: %w", err)
		return m
	}
	var coded *policy.Policy
	if c, ok := p.coded[s.ModelType]; ok {
		coded = &c
	}
	resolved, err := policy.Resolve(s.ModelType, p.defaultPolicyFor(s), tagged.Policy, coded)
	if err != nil {
		m.err = fmt.Errorf("cacheplugin: %w", err)
		return m
	}
	m.policy = resolved.WithDefaults()
	if err := m.checkAck(p.settings.journal != ""); err != nil {
		m.err = err
		return m
	}
	m.setLife(p)
	m.setFields(tagged)
	p.hide(m.folded, m.hidden)
	return m
}

// hide adds columns to those of the table that are never stored, whichever of the structs over it asks.
func (p *Plugin) hide(table string, columns []string) {
	if len(columns) > 0 {
		p.anyHidden.Store(true)
	}
	for len(columns) > 0 {
		old, known := p.hidden.LoadOrStore(table, &columns)
		if !known {
			return
		}
		have := *old.(*[]string)
		all := slices.Clone(have)
		for _, c := range columns {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
		if len(all) == len(have) || p.hidden.CompareAndSwap(table, old, &all) {
			return
		}
	}
}

// hides are the columns of the table that are never stored. A table is known by the structs seen so far: one that hides a
// column is best among those of WithModels.
func (p *Plugin) hides(table string) []string {
	if columns, ok := p.hidden.Load(table); ok {
		return *columns.(*[]string)
	}
	return nil
}

// hiding reports whether rows of the model's table must not be stored whole.
func (p *Plugin) hiding(m *model) bool { return p.anyHidden.Load() && len(p.hides(m.folded)) > 0 }

// defaultPolicyFor is the policy of a model that has none of its own. Nobody chose write-back for a struct without a
// key, such as one that only takes the result of a query: its table is cached aside.
func (p *Plugin) defaultPolicyFor(s *schema.Schema) *policy.Policy {
	d := p.settings.defaultPolicy
	if d == nil || d.Strategy != policy.WriteBack || len(s.PrimaryFields) > 0 {
		return d
	}
	return &policy.Policy{Strategy: policy.Aside, TTL: d.TTL, Jitter: d.Jitter, Negative: d.Negative, Queries: d.Queries}
}

// checkAck refuses an acknowledgement that nothing configured can give.
func (m *model) checkAck(journal bool) error {
	if m.policy.Strategy != policy.WriteBack {
		return nil
	}
	if journal && m.policy.Ack == policy.AckDefault {
		m.policy.Ack = policy.AckJournal
	}
	if !journal && (m.policy.Ack == policy.AckJournal || m.policy.Ack == policy.AckDisk) {
		return fmt.Errorf("cacheplugin: %s: ack=%s needs a journal, and none is set: allowed without one is ack=memory", m.schema.ModelType, m.policy.Ack)
	}
	if len(m.keys) == 0 {
		return fmt.Errorf("cacheplugin: %s: writeback needs a primary key", m.schema.ModelType)
	}
	return nil
}

func (m *model) setLife(p *Plugin) {
	m.life = coherence.Life{TTL: m.policy.TTL, Jitter: m.policy.Jitter}
	if p.networked && !p.settings.singleProcess && p.settings.backplane == nil && (m.life.TTL == 0 || m.life.TTL > networkedLife) {
		m.life.TTL = networkedLife
	}
	m.remember = m.policy.Negative >= 0
	m.negative = m.life
	if m.remember && (m.negative.TTL == 0 || m.policy.Negative < m.negative.TTL) {
		m.negative.TTL = m.policy.Negative
	}
}

func (m *model) setFields(tagged policy.Tagged) {
	for _, h := range tagged.Hidden {
		for _, f := range m.schema.Fields {
			if f.DBName != "" && strings.Join(f.BindNames, ".") == h.Name {
				m.hidden = append(m.hidden, strings.ToLower(f.DBName))
			}
		}
	}
	for _, c := range m.schema.QueryClauses {
		soft, ok := c.(gorm.SoftDeleteQueryClause)
		if !ok || m.soft != nil || soft.ZeroValue.Valid {
			m.odd = true
			continue
		}
		m.soft = soft.Field
	}
}

// sameKey reports whether the rows of two models over one table are told apart by the same columns.
func sameKey(a, b *model) bool {
	return slices.EqualFunc(a.keys, b.keys, func(a, b *schema.Field) bool { return a.DBName == b.DBName })
}

// off reports whether the model is not cached.
func (m *model) off() bool { return m == nil || m.policy.Strategy == policy.Off }
