package builtin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// plainWords writes s in small letters with single blanks for everything that is no letter or digit: "Credit_Card" and
// "credit card" are the same.
func plainWords(s string) string {
	return strings.Join(words(s), " ")
}

func enumHas(enum []any, s string) bool {
	for _, v := range enum {
		if v == s {
			return true
		}
	}
	return false
}

// enumText is what an enumeration's value looks like in a document.
func enumText(v any) string {
	if s, ok := v.(string); ok {
		return plainWords(s)
	}
	return plainWords(fmt.Sprint(v))
}

func enumValue(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}

// readEnum finds which value of the enumeration the text states. Of several the one that the text begins with or is equal
// to counts; else it must be the only one.
func (f *filler) readEnum(fd *field, text string, h how) (reading, bool) {
	if h == howNear || len(text) > 300 {
		return reading{}, false
	}
	base := 0
	if kinds, spans := choicesOf(text); len(kinds) > 0 {
		k := slices.Index(kinds, boxChecked)
		if k < 0 {
			return reading{}, false
		}
		base, text = spans[k].start, text[spans[k].start:spans[k].end]
	}
	got := " " + plainWords(text) + " "
	best, bestFit, bestLen, tied := -1, 0.0, 0, false
	for i, v := range fd.node.enum {
		fit, n := 0.0, 0
		for _, name := range f.enumNames(fd, v) {
			if g := enumFit(got, name); g > fit || g == fit && len(name) > n {
				fit, n = g, len(name)
			}
		}
		switch {
		case fit > bestFit || fit == bestFit && fit > 0 && n > bestLen:
			best, bestFit, bestLen, tied = i, fit, n, false
		case fit > 0 && fit == bestFit && n == bestLen:
			tied = true
		}
	}
	if best < 0 || tied || h == howLead && bestFit < 0.9 {
		return reading{}, false
	}
	e := len(text)
	if e > 120 {
		e = cutRune(text, 120)
	}
	return reading{enumValue(fd.node.enum[best]), base, base + e, bestFit}, true
}

// enumFit compares a text with one name of a value, both in plain words with blanks around.
func enumFit(got, name string) float64 {
	switch {
	case name == "":
		return 0
	case got == " "+name+" ":
		return 1
	case strings.ReplaceAll(got, " ", "") == strings.ReplaceAll(name, " ", ""):
		return 0.98
	case strings.HasPrefix(got, " "+name+" "):
		return 0.92
	case strings.Contains(got, " "+name+" ") && len(name) > 2:
		return 0.8
	case len(name) > 4 && strings.HasPrefix(got, " "+name): // "used" in "usedlike" is caught above; plural and inflected forms here
		return 0.7
	}
	return 0
}

// enumNames are the value's own words and those that the description gives for it: "A: applied, B (blocked)".
func (f *filler) enumNames(fd *field, v any) []string {
	own := enumText(v)
	names := []string{own}
	if alt := enumSynonyms(own); alt != nil {
		names = append(names, alt...)
	}
	for i := range fd.node.enum {
		if fd.node.enum[i] != v {
			continue
		}
		for _, p := range meaningsOf(fd, i) {
			if w := plainWords(p); w != "" && len(w) < 60 {
				names = append(names, w)
			}
		}
	}
	return names
}

// enumSynonyms are usual other words for values of business enumerations.
func enumSynonyms(own string) []string {
	//nolint:misspell // words of other languages
	const table = `
credit card=visa,mastercard,amex,american express,credit,kreditkarte,card,tarjeta de crédito,carte de crédit,carta di credito
debit card=debit,maestro,ec card,girocard,visa debit,interac
card=visa,mastercard,amex,credit card,debit card,maestro,contactless,american express,credit,debit,karte,ec karte,girocard,tarjeta,carte bancaire,carte,cb,carta,bancomat,cartão
cash=bar,barzahlung,espèces,cash tendered,bargeld,efectivo,contanti,contant,numerário,in bar
bank transfer=wire,wire transfer,transfer,überweisung,virement,ach,sepa,bacs,bank wire,transferencia,transferencia bancaria,bonifico,overboeking,transferência
wire transfer=wire,bank transfer
paypal=pay pal
mobile=apple pay,google pay,twint
like new=as new,wie neu,mint,open box,excellent like new
new=brand new,neu,neuf,sealed,new with tags,new in box,bnib,nuevo,nueva,nuovo,novo,nieuw,neuve
used=pre owned,second hand,gebraucht,preowned,occasion,usado,usada,usato,gebruikt,tweedehands,d occasion
refurbished=renewed,reconditioned,generalüberholt
very good=sehr gut,excellent
good=gut,bon
in stock=available,auf lager,en stock,ships today
out of stock=sold out,unavailable,ausverkauft,currently unavailable
petrol=gasoline,benzin,essence,gasolina,benzina
electric=ev,elektro,battery electric
automatic=auto,automatik,automatique,automático,automatico
manual=stick,schaltgetriebe,manuelle,manuell,manuale
full time=vollzeit,permanent full time,temps plein,jornada completa,tempo pieno,voltijd
part time=teilzeit,temps partiel,media jornada,tempo parziale,deeltijd
male=m,männlich,mr
female=f,weiblich,mrs,ms
high=hoch,severe,élevé,élevée,haute,alto,alta,hoog
medium=moderate,mittel,moyen,moyenne,medio,media,gemiddeld
low=niedrig,gering,faible,basse,bajo,baja,basso,bassa,laag
critical=very high,severe,kritisch,critique,crítico,crítica,critico
open=pending review,new,under review,offen,ouvert,abierto,aperto
closed=resolved,completed,geschlossen,erledigt,fermé,cerrado,chiuso
paid=settled,bezahlt,paid in full,payé,payée,pagado,pagada,pagato,betaald
unpaid=outstanding,due,not paid,offen,unbezahlt,impayé,impayée,pendiente,impagado
money laundering=aml,laundering
structuring=smurfing
residential=dwelling,wohnraum
net 30=30 days,net 30 days,30 days net
yes=y,ja,oui,true,si,sim
direct debit=lastschrift,sepa lastschrift,bankeinzug,prélèvement,prélèvement automatique,domiciliación,domiciliación bancaria,addebito diretto,incasso
cheque=check,scheck,chèque,assegno
check=cheque,scheck,chèque
no=n,nein,non,false
`
	i := strings.Index(table, "\n"+own+"=")
	if i < 0 || own == "" {
		return nil
	}
	line := table[i+len(own)+2:]
	line = line[:strings.IndexByte(line, '\n')]
	names := strings.Split(line, ",")
	for i := range names {
		names[i] = plainWords(names[i])
	}
	return names
}

// choicesOf cuts "[ ] Yes [x] No" into its boxes, each with the words behind it.
func choicesOf(text string) (kinds []int, spans []span) {
	low := strings.ToLower(text)
	if len(low) != len(text) {
		return nil, nil
	}
	for i := 0; i < len(low); i++ {
		for _, w := range []string{"[ ]", "[]", "☐", "✗", "✘", "[x]", "☑", "☒", "✓", "✔", "( )", "(x)"} {
			if !strings.HasPrefix(low[i:], w) {
				continue
			}
			if n := len(spans); n > 0 {
				spans[n-1].end = i
			}
			kind := boxEmpty
			if box(w) == boxChecked || w == "(x)" {
				kind = boxChecked
			}
			kinds, spans = append(kinds, kind), append(spans, span{i + len(w), len(text)})
			i += len(w) - 1
			break
		}
	}
	return kinds, spans
}

// boxedAnswer reads check boxes for a fact: those of yes and no, or one alone.
func boxedAnswer(text string) (value, ok bool) {
	kinds, spans := choicesOf(text)
	for k, s := range spans {
		switch plainWords(text[s.start:s.end]) {
		case "yes", "ja", "oui", "true", "y":
			if kinds[k] == boxChecked {
				return true, true
			}
		case "no", "nein", "non", "false", "n":
			if kinds[k] == boxChecked {
				return false, true
			}
		case "":
			if len(spans) == 1 {
				return kinds[0] == boxChecked, true
			}
		}
	}
	return false, false
}

// readBool reads a stated fact behind a label: yes or no, a checked box, a word that denies.
func readBool(text string, h how) (reading, bool) {
	if h == howNear || h == howLead {
		return reading{}, false
	}
	head := " " + plainWords(text[:cutRune(text+" ", min(len(text), 80))]) + " "
	whole := func(v bool, fit float64) (reading, bool) {
		b, e := json.RawMessage("false"), min(len(text), 80)
		if v {
			b = json.RawMessage("true")
		}
		return reading{b, 0, cutRune(text+" ", e), fit}, true
	}
	if v, ok := boxedAnswer(text); ok {
		return whole(v, 1)
	} else if box(strings.ToLower(text)) != boxNone {
		return reading{}, false
	}
	fs := strings.Fields(head)
	if len(fs) == 0 {
		return reading{}, false
	}
	switch fs[0] {
	case "yes", "true", "y", "ja", "oui", "si", "sim":
		return whole(true, 1)
	case "no", "false", "n", "nein", "non", "none", "never", "nee", "nao":
		return whole(false, 1)
	case "not", "nicht", "kein", "non-", "without", "excluded", "prohibited", "forbidden", "unfurnished", "disabled", "declined", "rejected", "unavailable", "keine":
		return whole(false, 0.9)
	case "gestattet", "erlaubt", "inklusive", "included", "allowed", "permitted", "available", "enabled", "accepted", "required", "confirmed", "applicable", "applies", "active", "free", "fully":
		if len(fs) > 1 && fs[1] == "not" {
			return whole(false, 0.9)
		}
		return whole(true, 0.9)
	}
	return reading{}, false
}
