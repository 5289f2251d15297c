// Package invoice carries the document that the demo reads: a PDF invoice and the schema of what is wanted from it.
package invoice

import _ "embed"

// PDF is an invoice of two pages with a text layer.
//
//go:embed invoice.pdf
var PDF []byte

// Schema is the JSON Schema of the answer, as an agent's output_schema.
//
//go:embed schema.json
var Schema []byte
