package webhooks

import (
	"errors"
	"fmt"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stewardhq/steward"
)

const (
	maxName        = 255
	maxURL         = 500
	maxHeaders     = 20
	maxHeaderName  = 128
	maxHeaderValue = 2000
	maxAlerts      = 100
)

func invalid(field, message string) error {
	return &steward.Error{Code: steward.Invalid, Field: field, Message: message}
}

// check cleans what callers say and reports what is wrong with it. Errors: Invalid naming the field.
func (p *UpdateParams) check() error {
	if p.Name != nil {
		name := strings.TrimSpace(*p.Name)
		p.Name = &name
		if err := checkText("name", name, maxName); err != nil {
			return err
		}
	}
	if p.Events != nil {
		events, err := checkEvents(*p.Events)
		if err != nil {
			return err
		}
		p.Events = &events
	}
	if p.Alerts != nil {
		alerts, err := checkAlerts(*p.Alerts)
		if err != nil {
			return err
		}
		p.Alerts = &alerts
	}
	if p.Headers != nil {
		return checkHeaders(*p.Headers)
	}
	return nil
}

func checkText(field, s string, most int) error {
	switch {
	case s == "":
		return invalid(field, "This field may not be blank.")
	case utf8.RuneCountInString(s) > most:
		return invalid(field, fmt.Sprintf("Ensure this field has no more than %d characters.", most))
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return invalid(field, "Control characters are not allowed.")
	}
	return nil
}

// checkEvents returns the events without repeats, in the order of steward.EventTypes.
func checkEvents(events []steward.EventType) ([]steward.EventType, error) {
	if len(events) == 0 {
		return nil, invalid("events", "This list may not be empty.")
	}
	known := steward.EventTypes()
	for _, e := range events {
		if !slices.Contains(known, e) {
			return nil, invalid("events", fmt.Sprintf("Must be %s or %s.", steward.EventJobCompleted, steward.EventBatchCompleted))
		}
	}
	return slices.DeleteFunc(known, func(e steward.EventType) bool { return !slices.Contains(events, e) }), nil
}

// checkAlerts returns the ids in their canonical spelling.
func checkAlerts(alerts []string) ([]string, error) {
	if len(alerts) > maxAlerts {
		return nil, invalid("alerts", fmt.Sprintf("Ensure this field has no more than %d elements.", maxAlerts))
	}
	out := make([]string, 0, len(alerts))
	for _, a := range alerts {
		id, err := steward.ParseID[steward.WebhookID]("alerts", a) // any noun's id reads alike
		if err != nil {
			return nil, invalid("alerts", "Must be valid UUIDs.")
		}
		out = append(out, string(id))
	}
	return out, nil
}

// checkURL applies the rules about where events may go, as far as they can be told without asking the network.
func (s *Service) checkURL(raw string) error {
	if err := checkText("url", raw, maxURL); err != nil {
		return err
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return invalid("url", "Enter a valid http or https URL.")
	}
	if err := s.web.Check(raw); err != nil {
		var f *steward.Failure
		if errors.As(err, &f) {
			return invalid("url", f.Message)
		}
		return invalid("url", "Enter a valid http or https URL.")
	}
	return nil
}

func checkHeaders(headers map[string]string) error {
	if len(headers) > maxHeaders {
		return invalid("headers", fmt.Sprintf("Ensure there are no more than %d headers.", maxHeaders))
	}
	seen := map[string]bool{}
	for name, value := range headers {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case name == "" || len(name) > maxHeaderName || strings.ContainsFunc(name, notToken):
			return invalid("headers", "A header's name must be 1 to 128 letters, digits and \"!#$%&'*+-.^_`|~\".")
		case reserved(canonical):
			return invalid("headers", "The header "+canonical+" cannot be set.")
		case seen[canonical]:
			return invalid("headers", "The header "+canonical+" is there twice.")
		case len(value) > maxHeaderValue || !utf8.ValidString(value) || strings.ContainsFunc(value, notValue):
			return invalid("headers", fmt.Sprintf("The value of %s must be at most %d bytes without control characters.", canonical, maxHeaderValue))
		}
		seen[canonical] = true
	}
	return nil
}

// reserved reports whether a header belongs to the transport or to the event.
func reserved(canonical string) bool {
	for _, prefix := range []string{"Content-", "Webhook-", "Proxy-", "Sec-"} {
		if strings.HasPrefix(canonical, prefix) {
			return true
		}
	}
	return slices.Contains([]string{
		"Host", "X-Roe-Signature", "Connection", "Keep-Alive", "Transfer-Encoding", "Te", "Trailer", "Upgrade", "Expect", "Accept-Encoding", "Http2-Settings",
	}, canonical)
}

// notToken reports whether r cannot be part of a header's name.
func notToken(r rune) bool {
	switch {
	case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
		return false
	}
	return !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// notValue reports whether r cannot be part of a header's value.
func notValue(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
