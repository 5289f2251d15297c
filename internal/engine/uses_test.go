package engine_test

import "testing"

func TestWhetherAProgramUsesItsInputs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys   []string
		config string
		want   bool
	}{
		"a template":                      {[]string{"doc"}, `{"instructions":"x","files":"${doc}"}`, true},
		"a template in a longer text":     {[]string{"doc"}, `{"instructions":"about $doc","files":"f"}`, true},
		"a template deep in an object":    {[]string{"k"}, `{"instructions":"x","files":"f","options":{"a":[{"b":"${k}"}]}}`, true},
		"a parameter of the input's name": {[]string{"files"}, `{"instructions":"x"}`, true},
		"an alias of a parameter":         {[]string{"file"}, `{"instructions":"x"}`, true},
		"an ignored key":                  {[]string{"k"}, `{"instructions":"x","files":"f","odd":"${k}"}`, true},
		"an input that nothing names":     {[]string{"k"}, `{"instructions":"x","files":"f"}`, false},
		"a dollar sign that is one":       {[]string{"k"}, `{"instructions":"$$k costs $5","files":"f","odd":"$$k"}`, false},
		"no inputs":                       {nil, `{"instructions":"x","files":"f"}`, false},
	} {
		p, err := compile(t, defs(c.keys...), c.config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := p.UsesInputs(); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
		if !p.RequiresConfig() {
			t.Errorf("%s: the engine has required parameters", name)
		}
	}
}
