package builtin_test

import "testing"

// taxed is the schema of a party with an identifier.
const taxed = `{"type":["object","null"],"properties":{"name":{"type":["string","null"]},"vat_id":{"type":["string","null"]}}}`

func TestAPlaceBelongsToOneParty(t *testing.T) {
	t.Parallel()
	reach := `{"type":["object","null"],"properties":{"name":{"type":["string","null"]},"email":{"type":["string","null"],"format":"email"},"phone":{"type":["string","null"]}}}`
	for name, c := range map[string]struct{ schema, doc, want string }{
		"the other tax id of the document goes to the seller": {
			object("vendor", taxed, "buyer", taxed),
			"Acme Tools GmbH\n\nBill to\nGlobex ApS\nHavnegade 52\n8000 Aarhus\nVAT ID DK37554219\n\nInvoice\n\nTotal 5.00\n\nAcme Tools GmbH, Hamburg\nVAT ID DE311842097\n",
			`{"vendor":{"name":"Acme Tools GmbH","vat_id":"DE311842097"},"buyer":{"name":"Globex ApS","vat_id":"DK37554219"}}`,
		},
		"without a label, too": {
			object("vendor", taxed, "buyer", taxed),
			"Acme Tools GmbH\n\nBill to\nGlobex ApS\nHavnegade 52\n8000 Aarhus\nVAT ID DK37554219\n\nInvoice\n\nTotal 5.00\n\nAcme Tools GmbH, Hamburg, DE311842097\n",
			`{"vendor":{"name":"Acme Tools GmbH","vat_id":"DE311842097"},"buyer":{"name":"Globex ApS","vat_id":"DK37554219"}}`,
		},
		"the buyer's id is not the seller's when there is no other": {
			object("vendor", taxed, "buyer", taxed),
			"Acme Tools GmbH\n\nBill to\nGlobex ApS\nVAT ID DK37554219\n\nTotal 5.00\n",
			`{"vendor":{"name":"Acme Tools GmbH","vat_id":null},"buyer":{"name":"Globex ApS","vat_id":"DK37554219"}}`,
		},
		"nor when nobody asks for the buyer": {
			object("vendor_vat_id", text),
			"Acme Tools GmbH\n\nBill to\nGlobex ApS\nVAT ID DK37554219\n\nTotal 5.00\n",
			`{"vendor_vat_id":null}`,
		},
		"an id in nobody's block is the author's": {
			object("buyer", taxed, "vendor", taxed),
			"Acme Tools GmbH\n\nBill to\nGlobex ApS\n8000 Aarhus\n\nTotal 5.00\n\nVAT ID DE311842097\n\nVAT ID DE311842097\n",
			`{"buyer":{"name":"Globex ApS","vat_id":null},"vendor":{"name":"Acme Tools GmbH","vat_id":"DE311842097"}}`,
		},
		"a label that names the party wins over the block": {
			object("buyer_vat_id", text, "seller_vat_id", text),
			"Bill to\nGlobex ApS\nVAT ID DK37554219\nVAT ID (seller) DE311842097\n",
			`{"buyer_vat_id":"DK37554219","seller_vat_id":"DE311842097"}`,
		},
		"one e-mail address of a letter is the sender's": {
			object("tenant", reach, "landlord", reach),
			"Landlord:\nHill Estates Ltd\n4 Quay Road\noffice@hill.example\n\nTenant:\nMary Poole\n9 Mill Lane\n\nRent 900.00\n",
			`{"tenant":{"name":"Mary Poole","email":null,"phone":null},"landlord":{"name":"Hill Estates Ltd","email":"office@hill.example","phone":null}}`,
		},
		"the only other address is the seller's": {
			object("seller", reach, "buyer", reach),
			"Acme Tools GmbH\n\nBill to\nGlobex ApS\npay@globex.example\n\nTotal 5.00\n\nQuestions? Write to hello@acme.example.\n",
			`{"seller":{"name":"Acme Tools GmbH","email":"hello@acme.example","phone":null},"buyer":{"name":"Globex ApS","email":"pay@globex.example","phone":null}}`,
		},
		"of a loan": {
			object("lender", reach, "borrower", reach),
			"Lender:                      Borrower:\nNorth Bank plc               Sam Reed\nloans@north.example          +44 20 7946 0018\n\nPrincipal 5,000.00\n",
			`{"lender":{"name":"North Bank plc","email":"loans@north.example","phone":null},"borrower":{"name":"Sam Reed","email":null,"phone":"+44 20 7946 0018"}}`,
		},
		"of a shipment": {
			object("shipper_phone", text, "consignee_phone", text),
			"Consignee\nBlue Bay Ltd\n+44 20 7946 0018\n\nFreight 12.00\n",
			`{"shipper_phone":null,"consignee_phone":"+44 20 7946 0018"}`,
		},
		"in a grid of labels": {
			object("seller", taxed, "buyer", taxed),
			"Buyer        Globex ApS\nVAT ID       DK37554219\nSeller       Acme Tools GmbH\nVAT ID       DE311842097\n",
			`{"seller":{"name":"Acme Tools GmbH","vat_id":"DE311842097"},"buyer":{"name":"Globex ApS","vat_id":"DK37554219"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fill(t, c.schema, c.doc); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
