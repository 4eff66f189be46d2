package coherence_test

import (
	"context"
	"fmt"

	"github.com/cachewright/cachewright/coherence"
)

// A page that is made from more than the database says what it stands on, before it reads it.
func ExampleDepend() {
	engine, err := coherence.New()
	if err != nil {
		panic(err)
	}
	defer func() { _ = engine.Close(context.Background()) }()

	// What the middleware does for each request.
	ctx, page := engine.Collect(context.Background())

	// What a handler does, before it asks the price service.
	coherence.Depend(ctx, coherence.NamedTag("prices"))

	fmt.Println("served from the cache:", engine.Valid(page.Stamps()))
	_ = engine.Invalidate(ctx, coherence.NamedTag("prices"))
	fmt.Println("served from the cache:", engine.Valid(page.Stamps()))
	// Output:
	// served from the cache: true
	// served from the cache: false
}

// Data that changes outside the plugin is invalidated by whoever knows of it, after the change is visible.
func ExampleEngine_Invalidate() {
	engine, err := coherence.New()
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	defer func() { _ = engine.Close(ctx) }()

	list := engine.Stamp(nil, coherence.TableTag("products"))
	first, second := engine.Stamp(nil, coherence.RowTag("products", 1)), engine.Stamp(nil, coherence.RowTag("products", 2))
	valid := func() {
		fmt.Println("list:", engine.Valid(list), "first:", engine.Valid(first), "second:", engine.Valid(second))
	}

	valid()
	_ = engine.Invalidate(ctx, coherence.RowTag("products", 1)) // one row, and all that was made from the table
	valid()
	_ = engine.Invalidate(ctx, coherence.TableTag("products")) // nobody knows which rows
	valid()
	// Output:
	// list: true first: true second: true
	// list: false first: false second: true
	// list: false first: false second: false
}

// A listener hears of each write after its versions have moved.
func ExampleEngine_OnCommit() {
	engine, err := coherence.New()
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	defer func() { _ = engine.Close(ctx) }()

	cancel := engine.OnCommit(func(tags []coherence.Tag) {
		fmt.Println("products written:", len(tags) == 1 && tags[0].Table() == coherence.TableTag("products"))
	})
	write, err := engine.Begin(ctx, coherence.RowTag("products", 1)) // before COMMIT
	if err != nil {
		panic(err)
	}
	write.Publish(ctx) // after it
	cancel()
	_ = engine.Invalidate(ctx, coherence.TableTag("products"))
	// Output:
	// products written: true
}

// A name of the application's own stands for what does not come from a table.
func ExampleNamedTag() {
	engine, err := coherence.New()
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	defer func() { _ = engine.Close(ctx) }()

	menu := coherence.NamedTag("menu")
	stamps := engine.Stamp(nil, menu) // before the file is read
	_ = engine.Pages().Put(ctx, "menu.html", []byte("<nav>…</nav>"), stamps, coherence.Life{})

	_, found, _ := engine.Pages().Get(ctx, "menu.html")
	fmt.Println(found)
	_ = engine.Invalidate(ctx, menu) // when the file was written
	_, found, _ = engine.Pages().Get(ctx, "menu.html")
	fmt.Println(found)
	// Output:
	// true
	// false
}
