module github.com/stewardhq/steward/testdata/corpus/gen

go 1.26

require (
	codeberg.org/go-pdf/fpdf v0.12.0
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
)

require golang.org/x/text v0.14.0 // indirect
