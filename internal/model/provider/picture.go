package provider

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"strings"

	"golang.org/x/image/draw"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// picture is one picture of a request, ready to be sent.
type picture struct {
	page        *grounding.Page
	contentType string
	data        []byte
}

// pictureInsert is the insert of a picture in base64, which is made while it is sent.
func pictureInsert(mark string, p *picture) insert {
	return insert{mark: mark, size: int64(base64.StdEncoding.EncodedLen(len(p.data))), open: func() io.Reader { return &encoder{rest: p.data} }}
}

// encoder reads bytes in base64.
type encoder struct {
	rest []byte
	left []byte // encoded and not read yet
	buf  [4]byte
}

// Read implements io.Reader.
func (e *encoder) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	for n < len(p) && len(e.rest) > 0 {
		if whole := min((len(p)-n)/4, len(e.rest)/3); whole > 0 {
			base64.StdEncoding.Encode(p[n:], e.rest[:3*whole])
			n, e.rest = n+4*whole, e.rest[3*whole:]
			continue
		}
		piece := e.rest[:min(3, len(e.rest))]
		e.rest = e.rest[len(piece):]
		base64.StdEncoding.Encode(e.buf[:], piece)
		e.left = e.buf[:4]
		k := copy(p[n:], e.left)
		n, e.left = n+k, e.left[k:]
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// pictureLimits is what a provider takes of pictures in one request.
type pictureLimits struct {
	each   int // bytes of one picture, before base64
	total  int // bytes of all
	count  int // how many
	crowd  int // from so many on, none may be longer than edge; 0 means no such rule
	edge   int // pixels
	longer int // pixels of the longer edge that no picture may exceed; 0 means no such rule
}

func limitsOf(kind model.Kind) pictureLimits {
	const kib, mib = 1 << 10, 1 << 20
	switch kind {
	case model.KindAnthropic: // 5 MB in base64, requests of 32 MB
		return pictureLimits{each: 3840 * kib, total: 22 * mib, count: 100, crowd: 21, edge: 2000, longer: 8000}
	case model.KindBedrock: // requests of 20 MB
		return pictureLimits{each: 3750 * kib, total: 14 * mib, count: 20, longer: 8000}
	case model.KindGoogle: // requests of 20 MB
		return pictureLimits{each: 14 * mib, total: 14 * mib, count: 3000}
	case model.KindOpenAI, model.KindAzure: // requests of 50 MB
		return pictureLimits{each: 20 * mib, total: 36 * mib, count: 500}
	}
	return pictureLimits{each: 15 * mib, total: 36 * mib, count: 500}
}

// sees reports whether the model takes pictures.
func (c *client) sees() bool { return slices.Contains(c.entry.Capabilities, "image") }

// shown says which pages of a request are shown to the model as pictures, and what is to be said about the others. A model that
// cannot see reads the text of such a page instead; a document that has nothing but pictures is refused.
func (c *client) shown(req *model.Request) (pictures []*grounding.Page, warnings []string, err error) {
	for i := range req.Documents {
		doc := &req.Documents[i]
		unseen, texts := 0, 0
		for j := range doc.Pages {
			page := &doc.Pages[j]
			if hasText(page) {
				texts++
			}
			switch {
			case page.Picture == nil:
			case c.sees():
				pictures = append(pictures, page)
			case !hasText(page):
				unseen++
			}
		}
		switch {
		case c.sees() || !hasPictures(doc):
		case texts == 0:
			return nil, nil, &steward.Failure{
				Code: steward.FailInvalidConfig, Held: true,
				Message: fmt.Sprintf("The model %q has no image capability, and %s has no text to read instead. Name a model that sees, or install OCR.",
					c.entry.ID, doc.Name),
			}
		case unseen > 0:
			warnings = append(warnings, fmt.Sprintf("The model %q has no image capability: %d pages of %s have no text and were not read.", c.entry.ID, unseen, doc.Name))
		default:
			warnings = append(warnings, fmt.Sprintf("The model %q has no image capability: it read the text of %s and was shown no pictures.", c.entry.ID, doc.Name))
		}
	}
	return pictures, warnings, nil
}

func hasText(page *grounding.Page) bool { return strings.TrimSpace(page.Text) != "" }

func hasPictures(doc *grounding.Document) bool {
	return slices.ContainsFunc(doc.Pages, func(p grounding.Page) bool { return p.Picture != nil })
}

// openPictures opens the pictures of pages one after the other.
//
// Errors: *steward.Failure with FailContextOverflow for more than the provider takes in one request; those of Picture.Open.
func (c *client) openPictures(ctx context.Context, pages []*grounding.Page) ([]*picture, error) {
	limits := limitsOf(c.config.Kind)
	if c.opts.MaxPictureBytes > 0 {
		limits.total = int(min(c.opts.MaxPictureBytes, 1<<30))
	}
	if len(pages) > limits.count {
		return nil, tooManyPictures(fmt.Sprintf("%d pictures are more than the %d", len(pages), limits.count), c.name)
	}
	if limits.crowd > 0 && len(pages) >= limits.crowd {
		limits.longer = limits.edge
	}
	out := make([]*picture, 0, len(pages))
	total := 0
	for _, page := range pages {
		data, contentType, err := openPicture(ctx, page.Picture, limits)
		if err != nil {
			return nil, fmt.Errorf("open the picture of page %d: %w", page.Number, err)
		}
		if total += len(data); total > limits.total {
			return nil, tooManyPictures(fmt.Sprintf("Pictures of more than %d bytes are more than", limits.total), c.name)
		}
		out = append(out, &picture{page: page, contentType: contentType, data: data})
	}
	return out, nil
}

func tooManyPictures(what, provider string) error {
	return &steward.Failure{
		Code:    steward.FailContextOverflow,
		Held:    true,
		Message: fmt.Sprintf("%s that the model provider %q takes in one request. Give it fewer pages at once.", what, provider),
	}
}

// openPicture returns a picture's bytes, made smaller when the provider would refuse them.
func openPicture(ctx context.Context, p *grounding.Picture, limits pictureLimits) ([]byte, string, error) {
	if p.Open == nil {
		return nil, "", errors.New("it has no bytes")
	}
	data, err := p.Open(ctx)
	if err != nil {
		return nil, "", err
	}
	if len(data) == 0 {
		return nil, "", errors.New("it is empty")
	}
	tooLong := limits.longer > 0 && max(p.Width, p.Height) > limits.longer
	if len(data) <= limits.each && !tooLong {
		return data, p.ContentType, nil
	}
	smaller, err := shrink(data, p.ContentType, limits)
	if err != nil {
		return nil, "", &steward.Failure{
			Code:    steward.FailUnsupportedFile,
			Held:    true,
			Message: "A picture is larger than the model provider takes, and cannot be made smaller.",
			Err:     err,
		}
	}
	return smaller, "image/jpeg", nil
}

// maxPixels bounds the pictures that are unpacked to be made smaller.
const maxPixels = 100 << 20

// shrink writes a picture anew as JPEG, smaller each time, until it fits.
func shrink(data []byte, contentType string, limits pictureLimits) ([]byte, error) {
	config, decode := png.DecodeConfig, png.Decode
	if contentType == "image/jpeg" {
		config, decode = jpeg.DecodeConfig, jpeg.Decode
	}
	head, err := config(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read the picture's size: %w", err)
	}
	if int64(head.Width)*int64(head.Height) > maxPixels {
		return nil, fmt.Errorf("%d by %d pixels are too many", head.Width, head.Height)
	}
	src, err := decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read the picture: %w", err)
	}
	size := src.Bounds().Size()
	scale := 1.0
	if limits.longer > 0 {
		scale = min(1, float64(limits.longer)/float64(max(size.X, size.Y)))
	}
	for range 6 {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, scaled(src, scale), &jpeg.Options{Quality: 85}); err != nil {
			return nil, fmt.Errorf("write the picture: %w", err)
		}
		if b.Len() <= limits.each {
			return b.Bytes(), nil
		}
		scale *= 0.7
	}
	return nil, errors.New("it stays too large")
}

// scaled draws a picture at another size, on white where it is transparent.
func scaled(src image.Image, scale float64) image.Image {
	size := src.Bounds().Size()
	to := image.Rect(0, 0, max(int(float64(size.X)*scale), 1), max(int(float64(size.Y)*scale), 1))
	out := image.NewRGBA(to)
	draw.Draw(out, to, image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(out, to, src, src.Bounds(), draw.Over, nil)
	return out
}
