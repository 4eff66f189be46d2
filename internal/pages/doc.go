// Package pages has no code. Its tests make pages from a database as applications do, through GORM and the plugin, behind the
// doors of the middleware: what each kind of read makes a page stand on, and what keeps a page out of the store.
package pages
