package storerow

import "github.com/stewardhq/steward"

// Lasting reports whether a failure would come again if the same version ran on the same inputs, so that it may stand in the cache.
func Lasting(code steward.FailureCode) bool {
	switch code {
	case steward.FailSchemaMismatch, steward.FailModelRefused, steward.FailUnsupportedFile, steward.FailFileEncrypted,
		steward.FailContextOverflow, steward.FailInvalidConfig, steward.FailMissingInput:
		return true
	default:
		return false
	}
}

// Bare returns encoded inputs without their values: what is left of them when a job's data is deleted. Inputs that cannot be
// decoded become none.
func Bare(inputs string) string {
	list, err := ParseList[steward.Input](inputs)
	if err != nil {
		return "[]"
	}
	for i := range list {
		list[i] = steward.Input{Key: list[i].Key, Description: list[i].Description, DataType: list[i].DataType}
	}
	bare, err := List(list)
	if err != nil {
		return "[]" // cannot be: these are strings
	}
	return bare
}
