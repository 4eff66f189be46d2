package seed

// kind is a category with the words its products' names are made of.
type kind struct {
	slug, name string
	things     []string
	cents      [2]int64 // the cheapest and the dearest
}

func kinds() []kind {
	return []kind{
		{"tea", "Tea", []string{"Assam", "Darjeeling", "Earl Grey", "Sencha", "Rooibos", "Oolong"}, [2]int64{390, 2900}},
		{"coffee", "Coffee", []string{"Espresso Beans", "Filter Roast", "Decaf", "Cold Brew", "Moka Blend"}, [2]int64{690, 3400}},
		{"kitchen", "Kitchen", []string{"Frying Pan", "Stock Pot", "Chef's Knife", "Cutting Board", "Whisk"}, [2]int64{590, 14900}},
		{"tableware", "Tableware", []string{"Dinner Plate", "Bowl", "Mug", "Carafe", "Water Glass"}, [2]int64{450, 5900}},
		{"garden", "Garden", []string{"Trowel", "Watering Can", "Pruning Shears", "Planter", "Hose"}, [2]int64{790, 8900}},
		{"lighting", "Lighting", []string{"Desk Lamp", "Floor Lamp", "Pendant", "Lantern", "Night Light"}, [2]int64{1290, 24900}},
		{"office", "Office", []string{"Notebook", "Fountain Pen", "Desk Pad", "File Box", "Stapler"}, [2]int64{290, 6900}},
		{"travel", "Travel", []string{"Backpack", "Duffel", "Toiletry Bag", "Passport Case", "Umbrella"}, [2]int64{990, 19900}},
		{"textiles", "Textiles", []string{"Blanket", "Cushion", "Bath Towel", "Apron", "Tablecloth"}, [2]int64{890, 9900}},
		{"toys", "Toys", []string{"Building Blocks", "Puzzle", "Kite", "Marble Run", "Plush Bear"}, [2]int64{690, 7900}},
		{"tools", "Tools", []string{"Hammer", "Screwdriver Set", "Spirit Level", "Hand Saw", "Tape Measure"}, [2]int64{490, 12900}},
		{"books", "Books", []string{"Cookbook", "Field Guide", "Atlas", "Novel", "Poems"}, [2]int64{990, 4900}},
	}
}

func makers() []string {
	return []string{
		"Alder & Finch", "Brightwater", "Copperfield", "Dunmore", "Eastgate", "Fernhill", "Greystone", "Harbour Lane",
		"Ivy House", "Juniper", "Kestrel", "Linden", "Millbrook", "Northwind", "Oakham", "Pinecrest",
	}
}

func traits() []string {
	return []string{"Classic", "Compact", "Large", "Organic", "Handmade", "Everyday", "Deluxe", "Light", "Winter", "Blue"}
}

func firstNames() []string {
	return []string{
		"Ada", "Alan", "Amina", "Barbara", "Chen", "Dennis", "Edsger", "Fatima", "Grace", "Hedy", "Ibrahim", "Joan",
		"Katherine", "Leslie", "Margaret", "Niklaus", "Olga", "Pedro", "Radia", "Sophie", "Tomoko", "Ursula", "Vera", "Yusuf",
	}
}

func lastNames() []string {
	return []string{
		"Almeida", "Becker", "Cohen", "Dubois", "Eriksson", "Ferrari", "Garcia", "Haddad", "Ito", "Jansen", "Kowalska",
		"Larsen", "Moreau", "Nakamura", "Okafor", "Petrov", "Quinn", "Rossi", "Schmidt", "Tanaka", "Ueda", "Virtanen",
		"Weber", "Yilmaz",
	}
}
