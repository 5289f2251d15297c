package upgrade

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/crashtest/scripted"
	"github.com/stewardhq/steward/internal/document/documenttest"
)

// sectionCode is what the provider's model can find.
var sectionCode = regexp.MustCompile(`SC-\d+-\d+`)

// pageCode is the code on a page of a text's PDF; a text by itself has one page.
func pageCode(text string, page int) string { return fmt.Sprintf("%s-%d", text, page) }

// pages is how many pages PDFs have.
const pages = 4

// pdfOf makes the PDF of a text.
func pdfOf(text string) []byte {
	sheets := make([]documenttest.Sheet, pages)
	for n := range sheets {
		sheets[n].Content = documenttest.Lines(72, 720, 12, 18, fmt.Sprintf("Page %d", n+1), "Section code: "+pageCode(text, n+1), "Nothing else is known.")
	}
	return documenttest.Build(sheets...)
}

// answerTo is what a model's answer to a job comes to.
func answerTo(role, text string) string {
	codes := []string{pageCode(text, 1)}
	if role == rolePages {
		for n := 1; n < pages; n++ {
			codes = append(codes, pageCode(text, n+1))
		}
	}
	return strings.Join(codes, " ")
}

// codesIn are the codes of an output.
func codesIn(output string) string { return strings.Join(sectionCode.FindAllString(output, -1), " ") }

// provider speaks OpenAI's chat completions. It answers with the section code that the question holds.
type provider struct {
	mu      sync.Mutex
	held    map[string]bool // codes whose questions are not answered
	refused map[string]bool // codes whose questions are refused
	asked   map[string]int
}

func newProvider() *provider {
	return &provider{held: map[string]bool{}, refused: map[string]bool{}, asked: map[string]int{}}
}

// hold leaves questions without an answer.
func (p *provider) hold(codes ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range codes {
		p.held[c] = true
	}
}

// refuse has questions refused.
func (p *provider) refuse(code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused[code] = true
}

// count is how often a code was asked for.
func (p *provider) count(code string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[code]
}

// ServeHTTP implements http.Handler.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the one who asked was killed
	}
	code, ok := scripted.Code(w, body)
	if !ok {
		return
	}
	p.mu.Lock()
	p.asked[code]++
	held, refused := p.held[code], p.refused[code]
	p.mu.Unlock()
	switch {
	case held:
		<-r.Context().Done()
		return
	case refused:
		scripted.Refuse(w, http.StatusBadRequest, "this is not asked")
		return
	}
	scripted.Answer(w, body, code)
}

// receiver takes the events of webhooks, one path each.
type receiver struct {
	mu      sync.Mutex
	secrets map[string]string // by path
	came    map[string][]ToldEvent
	refused []string
}

func newReceiver() *receiver {
	return &receiver{secrets: map[string]string{}, came: map[string][]ToldEvent{}}
}

// open has events taken that come to a path and are signed with a secret.
func (c *receiver) open(path, secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets[path] = secret
}

// events returns what came to a path.
func (c *receiver) events(path string) []ToldEvent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.came[path])
}

// ServeHTTP implements http.Handler.
func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return // the sender was killed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	event, err := client.ParseWebhook([]string{c.secrets[r.URL.Path]}, r.Header, body, time.Now(), 0)
	if err != nil {
		c.refused = append(c.refused, err.Error())
		http.Error(w, "refused", http.StatusInternalServerError)
		return
	}
	told := ToldEvent{ID: event.ID}
	if event.Job != nil {
		told.Job = event.Job.ID
	} else if event.Batch != nil {
		told.Batch = event.Batch.ID
	}
	c.came[r.URL.Path] = append(c.came[r.URL.Path], told)
	w.WriteHeader(http.StatusNoContent)
}

// hookPath is where the receiver takes the events of a webhook.
func hookPath(id steward.WebhookID) string { return "/hooks/" + string(id) }
