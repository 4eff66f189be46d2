package meter

// KindOf is what the meter takes a statement for.
var KindOf = kindOf
