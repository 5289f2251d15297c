package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxBytes is the largest file that the repository carries for one document.
const maxBytes = 30 << 10

// check proves what the corpus promises of a document: the answer fits the schema, and every quote stands on its page.
func check(b *built) error {
	if len(b.source) > maxBytes {
		return fmt.Errorf("check: document has %d bytes", len(b.source))
	}
	if err := checkSchema(b); err != nil {
		return err
	}
	for _, f := range b.gold {
		if f.Page == nil {
			continue
		}
		if f.Class == "iban" && !validIBAN(f.Quote) {
			return fmt.Errorf("check: %s: %q is no IBAN", f.Path, f.Quote)
		}
		for _, p := range append([]place{{*f.Page, f.Quote}}, f.Also...) {
			if !strings.Contains(fold(b.words[p.Page]), p.Quote) {
				return fmt.Errorf("check: %s: quote %q does not stand on page %d", f.Path, p.Quote, p.Page)
			}
		}
	}
	return nil
}

func checkSchema(b *built) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.schema))
	if err != nil {
		return fmt.Errorf("check: read schema: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		return fmt.Errorf("check: add schema: %w", err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		return fmt.Errorf("check: compile schema: %w", err)
	}
	answer, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.expected))
	if err != nil {
		return fmt.Errorf("check: read expected: %w", err)
	}
	if err := schema.Validate(answer); err != nil {
		return fmt.Errorf("check: expected does not fit the schema: %w", err)
	}
	return nil
}

// checkWithPoppler reads the PDF with another program and looks for every quote on its page. A quote that is wrapped inside a
// table cell is not contiguous in the text of a page, so its words are looked for one by one.
func checkWithPoppler(b *built, path string) error {
	for _, f := range b.gold {
		if f.Page == nil {
			continue
		}
		page := fmt.Sprint(*f.Page)
		out, err := exec.Command("pdftotext", "-layout", "-f", page, "-l", page, path, "-").Output()
		if err != nil {
			return fmt.Errorf("pdftotext: %w", err)
		}
		text := fold(string(out))
		if strings.Contains(text, f.Quote) {
			continue
		}
		for word := range strings.FieldsSeq(f.Quote) {
			if !strings.Contains(text, word) {
				return fmt.Errorf("pdftotext: %s: %q of %q is not on page %s", f.Path, word, f.Quote, page)
			}
		}
	}
	return nil
}

// validIBAN checks the form and the check digits of an IBAN (ISO 13616), white space left out.
func validIBAN(s string) bool {
	s = strings.ReplaceAll(s, " ", "")
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	rest := 0
	for _, r := range s[4:] + s[:4] {
		switch {
		case r >= '0' && r <= '9':
			rest = (rest*10 + int(r-'0')) % 97
		case r >= 'A' && r <= 'Z':
			rest = (rest*100 + int(r-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}
