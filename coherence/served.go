package coherence

// Served counts a hit that was answered from a decoded copy of an entry, whose stamps the caller found valid.
func (c *Cache) Served() { c.counters.hits.Add(1) }
