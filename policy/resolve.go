package policy

import (
	"errors"
	"reflect"
)

// CriticalError refuses to move a model to WriteBack whose own policy is critical.
type CriticalError struct {
	// Type is the Go type of the model, such as "shop.Order".
	Type string
	// Policy is the critical one.
	Policy Policy
}

// Error names the type and the policy that refuses.
func (e *CriticalError) Error() string {
	return "policy: " + e.Type + " is critical (" + e.Policy.String() + "): code may not move it to writeback"
}

// Resolve is the policy of the model t: the one in code if there is one, else the one of its tag, else the default of
// the application, else Off. Nil means that there is none. Policies are taken whole, not field by field, and the zero
// fields of the result are still zero, for WithDefaults.
//
// When code replaces a critical policy, be it the tag's or, on a model without a tag, the default, then WriteBack is a
// *CriticalError, and Aside and WriteThrough stay critical. A chosen policy that is not valid gives one *ParseError,
// with Type, for each mistake. All errors are joined, and the policy is then zero.
func Resolve(t reflect.Type, def, tag, code *Policy) (Policy, error) {
	var own Policy
	switch {
	case tag != nil:
		own = *tag
	case def != nil:
		own = *def
	}
	chosen := own
	if code != nil {
		chosen = *code
	}

	name := typeName(t)
	mistakes := chosen.mistakes()
	for _, e := range mistakes {
		e.Type = name
	}
	err := join(mistakes)
	if own.Critical && code != nil {
		switch chosen.Strategy {
		case WriteBack:
			refusal := &CriticalError{Type: name, Policy: own}
			if err == nil {
				return Policy{}, refusal
			}
			err = errors.Join(refusal, err)
		case Aside, WriteThrough:
			chosen.Critical = true
		case Off:
		}
	}
	if err != nil {
		return Policy{}, err
	}
	return chosen, nil
}
