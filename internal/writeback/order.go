package writeback

// order is a heap of parts: the one whose oldest change is the oldest is the head. Parts mostly come in that order, and
// then push costs one comparison.
type order []*part

// head is the oldest part, nil if there is none.
func (o order) head() *part {
	if len(o) == 0 {
		return nil
	}
	return o[0]
}

func (o *order) push(p *part) {
	p.in, p.index = o, len(*o)
	*o = append(*o, p)
	o.up(p.index)
}

// remove takes out a part that is in the order.
func (o *order) remove(p *part) {
	h, i, last := *o, p.index, len(*o)-1
	h[i] = h[last]
	h[i].index = i
	h[last] = nil
	*o = h[:last]
	if i < last {
		o.down(i)
		o.up(i)
	}
	p.in = nil
}

// unlink takes the part out of the order it is in, if any.
func (p *part) unlink() {
	if p.in != nil {
		p.in.remove(p)
	}
}

func (o *order) up(i int) {
	h := *o
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].first <= h[i].first {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (o *order) down(i int) {
	h := *o
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if h[child].first < h[least].first {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

func (o order) swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].index, o[j].index = i, j
}
