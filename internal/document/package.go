package document

import (
	"archive/zip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/net/html/charset"

	"github.com/stewardhq/steward"
)

// Limits of documents that are archives of XML.
const (
	maxParts      = 20_000    // files in the archive
	maxUnpacked   = 256 << 20 // bytes that are unpacked of one document
	maxPart       = 192 << 20 // bytes of one file in it
	freeRatioSize = 16 << 20  // bytes of a file that may be packed as tightly as can be
	maxRatio      = 200       // of a larger file to its packed form
	maxDepth      = 400       // elements within each other
	maxToken      = 8 << 20   // bytes of one piece of XML
)

// Reasons for which a part is not read on.
var (
	errBomb  = errors.New("it unpacks to too much")
	errToken = errors.New("a piece of XML is too long")
	errDepth = errors.New("elements stand too deep within each other")
)

// archive is a package of parts, as Word and Excel write them.
type archive struct {
	ctx   context.Context //nolint:containedctx // an archive lives within one call
	name  string
	parts map[string]*zip.File // by name in small letters, without a leading slash
	left  int64                // bytes that may still be unpacked
}

// openPackage opens a Word or Excel document.
func openPackage(ctx context.Context, f file) (Document, error) {
	if f.size > maxFileBytes {
		return nil, unsupported(nil, "%s is larger than %d MiB.", f.name, maxFileBytes>>20)
	}
	src := &fileAt{src: f.src}
	z, err := zip.NewReader(src, f.size)
	if src.err != nil {
		return nil, fmt.Errorf("read %s: %w", f.name, src.err)
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, unsupported(err, "%s is a broken archive.", f.name)
	}
	if len(z.File) > maxParts {
		return nil, unsupported(nil, "%s has more than %d files in it.", f.name, maxParts)
	}
	a := &archive{ctx: ctx, name: f.name, parts: make(map[string]*zip.File, len(z.File)), left: f.budget.unpackable()}
	for _, part := range z.File {
		a.parts[partName(part.Name)] = part
	}
	d, err := a.open()
	f.budget.unpacked(a.left)
	if src.err != nil {
		return nil, fmt.Errorf("read %s: %w", f.name, src.err)
	}
	return d, err
}

// open reads the document by what is in the archive.
func (a *archive) open() (Document, error) {
	main, kind := a.mainPart()
	switch {
	case kind == "word":
		return a.openWord(main)
	case kind == "excel":
		return a.openExcel(main)
	case kind != "":
		return nil, unreadable(a.name, kind)
	case a.has("mimetype"):
		return nil, unreadable(a.name, "an OpenDocument file or an e-book")
	case a.has("index/document.iwa") || a.has("index.zip"):
		return nil, unreadable(a.name, "an Apple iWork document")
	}
	return nil, unreadable(a.name, "an archive (ZIP)")
}

// mainPart finds the document in the archive and its kind.
func (a *archive) mainPart() (name, kind string) {
	for _, r := range a.relations("") {
		if !strings.HasSuffix(r.kind, "/officeDocument") {
			continue
		}
		switch target := partName(r.target); {
		case strings.HasPrefix(target, "ppt/"):
			return target, "a PowerPoint presentation"
		case strings.HasPrefix(target, "visio/"):
			return target, "a Visio drawing"
		case strings.HasSuffix(target, ".bin"):
			return target, "a binary Excel workbook (.xlsb; save it as .xlsx)"
		case strings.HasPrefix(target, "word/"):
			return target, "word"
		case strings.HasPrefix(target, "xl/"):
			return target, "excel"
		case a.has(target):
			return target, a.rootKind(target)
		}
	}
	switch {
	case a.has("word/document.xml"):
		return "word/document.xml", "word"
	case a.has("xl/workbook.xml"):
		return "xl/workbook.xml", "excel"
	}
	return "", ""
}

// rootKind tells the kind of a document that stands at an unusual place by its first element.
func (a *archive) rootKind(part string) string {
	x, err := a.xml(part)
	if err != nil {
		return ""
	}
	defer x.close()
	for {
		t, err := x.next()
		if err != nil {
			return ""
		}
		if e, ok := t.(xml.StartElement); ok {
			switch e.Name.Local {
			case "document":
				return "word"
			case "workbook":
				return "excel"
			}
			return ""
		}
	}
}

// partName is the form in which parts are named here.
func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/"))
}

// has reports whether a part is there.
func (a *archive) has(part string) bool { return a.parts[partName(part)] != nil }

// relation is a part's link to another one.
type relation struct{ id, kind, target string }

// relations are the links of a part, those of the archive itself for "". A part without links has none.
func (a *archive) relations(part string) []relation {
	dir, base := path.Split(part)
	x, err := a.xml(path.Join(dir, "_rels", base+".rels"))
	if err != nil {
		return nil
	}
	defer x.close()
	var all []relation
	for len(all) < maxParts {
		t, err := x.next()
		if err != nil {
			return all
		}
		e, ok := t.(xml.StartElement)
		if !ok || e.Name.Local != "Relationship" || attr(e, "TargetMode") == "External" {
			continue
		}
		target := attr(e, "Target")
		if !strings.HasPrefix(target, "/") {
			target = dir + target
		}
		all = append(all, relation{id: attr(e, "Id"), kind: attr(e, "Type"), target: partName(target)})
	}
	return all
}

// broken is the failure of a part that cannot be read; err is nil when nothing failed.
func (a *archive) broken(err error) error {
	switch {
	case err == nil:
		return nil
	case a.ctx.Err() != nil:
		return a.ctx.Err()
	case errors.As(err, new(*steward.Failure)):
		return err
	case errors.Is(err, errBomb), errors.Is(err, errToken), errors.Is(err, errDepth), errors.Is(err, errTooLong), errors.Is(err, errText):
		return unsupported(err, "%s is too large to be read: %v.", a.name, err)
	}
	return unsupported(err, "%s is broken and cannot be read.", a.name)
}

// xmlReader reads the elements of a part.
type xmlReader struct {
	d     *xml.Decoder
	part  *partReader
	depth int
}

// errNoPart says that a part is not there.
var errNoPart = errors.New("a part is missing")

// xml opens a part.
func (a *archive) xml(part string) (*xmlReader, error) {
	f := a.parts[partName(part)]
	if f == nil {
		return nil, fmt.Errorf("%w: %s", errNoPart, part)
	}
	rc, err := f.Open()
	if err != nil {
		return nil, err
	}
	r := &partReader{archive: a, rc: rc, packed: int64(min(f.CompressedSize64, 1<<40))}
	d := xml.NewDecoder(r)
	d.CharsetReader = charset.NewReaderLabel
	return &xmlReader{d: d, part: r}, nil
}

// close ends the reading of the part.
func (x *xmlReader) close() { _ = x.part.rc.Close() } // it only reads

// next returns the next piece of XML; io.EOF behind the last one.
func (x *xmlReader) next() (xml.Token, error) {
	x.part.token = 0
	t, err := x.d.Token()
	switch t.(type) {
	case xml.StartElement:
		if x.depth++; x.depth > maxDepth {
			return nil, errDepth
		}
	case xml.EndElement:
		x.depth--
	}
	return t, err
}

// skip reads to the end of the element that has just begun.
func (x *xmlReader) skip() error {
	for depth := 1; depth > 0; {
		t, err := x.next()
		if err != nil {
			return err
		}
		switch t.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

// children calls fn with each element within the one that has just begun; fn reads it to its end.
func (x *xmlReader) children(fn func(xml.StartElement) error) error {
	for {
		t, err := x.next()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if err := fn(t); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

// text is the text of the element that has just begun, elements within left out.
func (x *xmlReader) text() (string, error) {
	var b strings.Builder
	for {
		t, err := x.next()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			if b.Len()+len(t) > maxToken {
				return "", errToken
			}
			b.Write(t)
		case xml.StartElement:
			if err := x.skip(); err != nil {
				return "", err
			}
		case xml.EndElement:
			return b.String(), nil
		}
	}
}

// root calls fn with the part's outermost element and reads the part to its end.
func (x *xmlReader) root(fn func(xml.StartElement) error) error {
	for {
		t, err := x.next()
		if err != nil {
			return err
		}
		if e, ok := t.(xml.StartElement); ok {
			return fn(e)
		}
	}
}

// attr is an attribute by its name without the namespace, "" when it is not there.
func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// partReader unpacks a part within the archive's limits.
type partReader struct {
	archive *archive
	rc      io.ReadCloser
	packed  int64
	read    int64
	token   int // bytes since the last piece of XML
}

// Read implements io.Reader.
func (r *partReader) Read(p []byte) (int, error) {
	if err := r.archive.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.rc.Read(p)
	r.read += int64(n)
	r.token += n
	r.archive.left -= int64(n)
	switch {
	case r.archive.left < 0, r.read > maxPart, r.read > freeRatioSize && r.read > maxRatio*max(r.packed, 1):
		return 0, errBomb
	case r.token > maxToken:
		return 0, errToken
	}
	return n, err
}
