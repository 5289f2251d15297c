// Command gen writes the corpus that measures extraction: documents, schemas, and the answers that are right.
//
//	go run . -out ..
//
// The gold is not written by hand beside the documents: values are marked where they are drawn (see mark), and the answer,
// its pages and its quotes are derived from the drawing. The output is the same on every run, byte for byte.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", "..", "folder of the corpus")
	pdftotext := flag.Bool("pdftotext", false, "also check each PDF's quotes with poppler's pdftotext")
	flag.Parse()
	if err := run(*out, *pdftotext); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(out string, pdftotext bool) error {
	var errs []error
	for _, set := range sets() {
		dir := filepath.Join(out, set.dir)
		for _, d := range set.documents {
			if err := writeDocument(dir, d, pdftotext); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", d.name, err))
			}
		}
		if err := writeFiles(dir, set.files); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func writeFiles(dir string, make func() ([]file, error)) error {
	if make == nil {
		return nil
	}
	made, err := make()
	if err != nil {
		return err
	}
	for _, f := range made {
		if err := write(dir, f); err != nil {
			return err
		}
	}
	return nil
}

func writeDocument(dir string, d document, pdftotext bool) error {
	b, err := build(d)
	if err != nil {
		return err
	}
	if err := check(b); err != nil {
		return err
	}
	for _, f := range b.files() {
		if err := write(dir, f); err != nil {
			return err
		}
	}
	if pdftotext && b.sourceName() == "document.pdf" {
		return checkWithPoppler(b, filepath.Join(dir, d.name, b.sourceName()))
	}
	return nil
}

func write(dir string, f file) error {
	path := filepath.Join(dir, filepath.FromSlash(f.path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	if err := os.WriteFile(path, f.data, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}
