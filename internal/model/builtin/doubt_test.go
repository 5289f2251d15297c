package builtin_test

import "testing"

func TestWordsWithoutALabelMustLookLikeTheValue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ schema, doc, want string }{
		"prose is no value": {
			object("inquiry_subject", text),
			"Subject of your late inquiry:   We have searched all our records. We keep looking.\n",
			`{"inquiry_subject":null}`,
		},
		"a company is no place":           {object("registered_place", text), "Place of register office:   Hill Shipping Ltd\n", `{"registered_place":null}`},
		"a place is":                      {object("registered_place", text), "Place of register office:   Valletta\n", `{"registered_place":"Valletta"}`},
		"words are no number":             {object("plats_kvittonr", text), "Kvittonr hos plats:   Lejonet Parkering\n", `{"plats_kvittonr":null}`},
		"a paper's kind is no product":    {object("product", text), "Contract summary\nKoti Fibre 500\n", `{"product":"Koti Fibre 500"}`},
		"but it is the title of a paper":  {object("title", text), "Contract summary\n\nWe agree.\n", `{"title":"Contract summary"}`},
		"two with the same right are two": {object("shift_supervisor", text), "Supervisor of night shift:   Ann Poe\nSupervisor of day shift:   Bea Roe\n", `{"shift_supervisor":null}`},
		"one is one":                      {object("shift_supervisor", text), "Supervisor of night shift:   Ann Poe\n", `{"shift_supervisor":"Ann Poe"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fill(t, c.schema, c.doc); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
