package builtin

import (
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word of a page in its canonical form.
type token struct {
	start, end int   // byte range in the page's text
	id         int32 // 0 for a word that no label has
}

// phrase is a known label: a node of the vocabulary's trie. 0 is none.
type phrase int32

// vocabulary knows words and the phrases that are made of them. It is not changed while pages are read.
type vocabulary struct {
	words map[string]int32 // spelling → id; several spellings share one
	edges map[uint64]phrase
	ends  []bool   // by phrase: a label ends here
	noise []bool   // by word id
	size  int32    // last word id
	spell []string // by word id: the canonical spelling
}

// aliases are spellings that mean the same word in a label.
const aliases = `no=number nr=number num=number #=number №=number n°=number nº=number numero=number número=number nummer=number id=number
numbers=number nos=number inv=invoice qty=quantity qté=quantity qt=quantity amt=amount acct=account acc=account tel=phone
telephone=phone mob=mobile desc=description descr=description ref=reference addr=address pmt=payment dept=department
incl=including excl=excluding org=organization organisation=organization bal=balance cust=customer dob=birthdate
colour=color organisations=organization emp=employee mgr=manager max=maximum min=minimum tot=total
subtot=subtotal mwst=vat ust=vat tva=vat iva=vat gst=gst foretag=company företag=company empresa=company bedrijf=company societe=company société=company waehrung=currency währung=currency moms=vat btw=vat fulfil=fulfill licence=license
currencies=currency companies=company countries=country categories=category activities=activity
parties=party penalties=penalty duties=duty policies=policy properties=property taxes=tax addresses=address
dt=date tm=time curr=currency ccy=currency cur=currency merch=merchant nm=name mat=material yr=year yrs=years sts=status stat=status
cnty=county pkgs=packages pkg=packages lic=license org=organization co=company loc=location edu=education cert=certification
certs=certification bldg=building amnt=amount pct=percent fwd=forwarder rcpt=receipt rcv=received recd=received chg=charge chgs=charge
prov=provider ins=insurance svc=service svcs=service txt=text bkg=booking tkt=ticket pax=passenger apt=apartment ext=extension
mfr=manufacturer mfg=manufacturer cond=condition dim=dimension dims=dimension wt=weight mtl=material orig=original prev=previous
est=estimate estd=estimate avg=average mgmt=management govt=government natl=national intl=international trans=transaction
authorised=authorized catalogue=catalog txn=transaction trx=transaction exp=expiry expiration=expiry expires=expiry`

const noiseWords = "the of a an this is its in"

func newVocabulary() *vocabulary {
	v := &vocabulary{words: map[string]int32{}, edges: map[uint64]phrase{}, ends: []bool{false}, noise: []bool{false}, spell: []string{""}}
	for pair := range strings.FieldsSeq(aliases + " " + worldAliases) {
		from, to, _ := strings.Cut(pair, "=")
		v.words[plain(from)] = v.intern(to)
	}
	for w := range strings.FieldsSeq(noiseWords + " " + worldNoise) {
		v.noise[v.intern(w)] = true
	}
	return v
}

// clone returns a copy that may be added to.
func (v *vocabulary) clone() *vocabulary {
	return &vocabulary{
		words: maps.Clone(v.words), edges: maps.Clone(v.edges), size: v.size,
		ends: append([]bool(nil), v.ends...), noise: append([]bool(nil), v.noise...), spell: append([]string(nil), v.spell...),
	}
}

func (v *vocabulary) intern(word string) int32 {
	if id, ok := v.words[word]; ok {
		return id
	}
	if s := singular(word); s != word {
		id := v.intern(s)
		v.words[word] = id
		return id
	}
	bare := umlauts(word)
	if id, ok := v.words[bare]; ok {
		v.words[word] = id
		return id
	}
	v.size++
	v.words[bare] = v.size
	v.words[word] = v.size
	v.noise = append(v.noise, false)
	v.spell = append(v.spell, word)
	return v.size
}

// canonical returns text's words in their canonical spelling, noise left out.
func (v *vocabulary) canonical(text string) []string {
	var out []string
	for _, w := range words(text) {
		id := v.intern(w)
		if !v.noise[id] {
			out = append(out, v.spell[id])
		}
	}
	return out
}

// singular cuts a plural "s" off words of four letters and more.
func singular(w string) string {
	if len(w) > 3 && w[len(w)-1] == 's' && w[len(w)-2] != 's' && w[len(w)-2] != 'u' {
		return w[:len(w)-1]
	}
	return w
}

// lookup returns the id of a lower-case spelling without allocating.
func (v *vocabulary) lookup(lower []byte) int32 {
	if id, ok := v.words[string(lower)]; ok {
		return id
	}
	if n := len(lower); n > 3 && lower[n-1] == 's' && lower[n-2] != 's' && lower[n-2] != 'u' {
		if id, ok := v.words[string(lower[:n-1])]; ok {
			return id
		}
	}
	if digraphs(lower) {
		return v.words[umlauts(string(lower))]
	}
	return v.misread(lower)
}

// misread returns the id of the word that OCR has read with digits for letters, or with l for I ("T0tal", "lnvoice"), or 0. Only labels
// are words of a vocabulary: no value is ever mended.
func (v *vocabulary) misread(w []byte) int32 {
	if len(w) < 4 || len(w) > 40 {
		return 0
	}
	letters, digits := 0, 0
	for _, c := range w {
		switch {
		case c >= 'a' && c <= 'z':
			letters++
		case digit(c):
			digits++
		}
	}
	if w[0] != 'l' && digits == 0 || digits > 2 || letters < 3 {
		return 0
	}
	var buf [40]byte
	for _, one := range "li" {
		out := append(buf[:0], w...)
		for i, c := range out {
			switch c {
			case '0':
				out[i] = 'o'
			case '1':
				out[i] = byte(one) //nolint:gosec // G115: one of two letters
			case '5':
				out[i] = 's'
			case '8':
				out[i] = 'b'
			}
		}
		if id, ok := v.words[string(out)]; ok && digits > 0 {
			return id
		}
		if out[0] == 'l' {
			out[0] = 'i'
			if id, ok := v.words[string(out)]; ok {
				return id
			}
		}
	}
	return 0
}

// add makes a phrase of text's words, noise left out. It returns 0 when nothing is left or it is longer than 8 words.
func (v *vocabulary) add(text string) phrase {
	ws := words(text)
	if len(ws) == 0 || len(ws) > 8 {
		return 0
	}
	cur, n := phrase(0), 0
	for _, w := range ws {
		id := v.intern(w)
		if v.noise[id] {
			continue
		}
		n++
		key := uint64(cur)<<32 | uint64(id) //nolint:gosec // G115: indexes of slices are not negative, and far below 1<<31
		next, ok := v.edges[key]
		if !ok {
			next = phrase(len(v.ends)) //nolint:gosec // G115: indexes of slices are not negative, and far below 1<<31
			v.ends = append(v.ends, false)
			v.edges[key] = next
		}
		cur = next
	}
	if n == 0 {
		return 0
	}
	v.ends[cur] = true
	return cur
}

// find returns the phrase that all words of text make, or 0.
func (v *vocabulary) find(text string) phrase {
	cur := phrase(0)
	for _, t := range v.tokens(nil, text, 0, len(text), 8) {
		if t.id == 0 {
			return 0
		}
		if v.noise[t.id] {
			continue
		}
		next, ok := v.edges[uint64(cur)<<32|uint64(t.id)] //nolint:gosec // G115: indexes of slices are not negative, and far below 1<<31
		if !ok {
			return 0
		}
		cur = next
	}
	if !v.ends[cur] {
		return 0
	}
	return cur
}

// words cuts text into lower-case words; "P.O." is one word, camelCase and snake_case are cut.
func words(text string) []string {
	text = splitCamel(text)
	var out []string
	for i := 0; i < len(text); {
		start, end := nextWord(text, i)
		if start < 0 {
			break
		}
		out = append(out, plain(text[start:end]))
		i = end
	}
	return out
}

// splitCamel puts a space where a capital follows a small letter, and before the last capital of a run that a small
// letter follows ("IBANCode" is two words).
func splitCamel(s string) string {
	var b strings.Builder
	rs := []rune(s)
	for i, r := range rs {
		if i > 0 && unicode.IsUpper(r) {
			after := i+1 < len(rs) && unicode.IsLower(rs[i+1])
			if unicode.IsLower(rs[i-1]) || unicode.IsUpper(rs[i-1]) && after && !plural(rs[i:]) {
				b.WriteByte(' ')
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plural reports whether rs begins with a capital and a final "s", as the end of "IDs" does.
func plural(rs []rune) bool {
	return len(rs) >= 2 && rs[1] == 's' && (len(rs) == 2 || !unicode.IsLetter(rs[2]))
}

// nextWord finds the next word in text at or after i: letters and digits, "#" alone, or dotted single letters ("P.O.").
// It returns -1 when there is none.
func nextWord(text string, i int) (start, end int) {
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == '#' || r == '№' {
			return i, i + n
		}
		if wordRune(r) {
			break
		}
		i += n
	}
	if i >= len(text) {
		return -1, -1
	}
	start = i
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		if !wordRune(r) {
			break
		}
		i += n
	}
	if i-start == 1 {
		if e := dotted(text, i); e > 0 {
			return start, e
		}
		if n := elision(text, start, i); n > 0 {
			return nextWord(text, n)
		}
	}
	return start, i
}

// elision returns where the word behind an article that lost its vowel begins ("d'échéance", "l’assuré"), or 0.
func elision(text string, start, i int) int {
	if i >= len(text) || strings.IndexByte("dlDL", text[start]) < 0 {
		return 0
	}
	c, n := utf8.DecodeRuneInString(text[i:])
	if c != '\'' && c != '’' {
		return 0
	}
	if c, _ = utf8.DecodeRuneInString(text[i+n:]); !unicode.IsLetter(c) {
		return 0
	}
	return i + n
}

// dotted returns the end of dotted single letters that go on at the dot at i, or 0.
func dotted(text string, i int) int {
	end := 0
	for i+1 < len(text) && text[i] == '.' && asciiLetter(text[i+1]) && (i+2 >= len(text) || !asciiLetter(text[i+2])) {
		i += 2
		end = i
	}
	if end > 0 && end < len(text) && text[end] == '.' {
		return end // the last dot is punctuation for the caller
	}
	return end
}

func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '°' || r == 'º' || r >= 0x300 && r <= 0x36F
}

func asciiLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func digit(c byte) bool { return c >= '0' && c <= '9' }

// tokens appends the words of text[start:end] to dst, at most limit of them.
func (v *vocabulary) tokens(dst []token, text string, start, end, limit int) []token {
	var buf [48]byte
	for i := start; i < end && limit > 0; limit-- {
		s, e := nextWord(text[:end], i)
		if s < 0 {
			break
		}
		dst = append(dst, token{s, e, v.lookup(lower(buf[:0], text[s:e]))})
		i = e
	}
	return dst
}

// lower appends s in lower case without dots and diacritics; words longer than 40 bytes are cut, as no label has them.
func lower(dst []byte, s string) []byte {
	if len(s) > 40 {
		s = s[:cutRune(s, 40)]
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '.':
		case c >= 'A' && c <= 'Z':
			dst = append(dst, c+'a'-'A')
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			dst = appendPlain(dst, r)
			i += n - 1
		}
	}
	return dst
}

// plain writes a word in lower case without dots and diacritics.
func plain(s string) string { return string(lowerAll(nil, s)) }

// lowerAll is lower for words of any length.
func lowerAll(dst []byte, s string) []byte {
	for len(s) > 40 {
		n := cutRune(s, 40)
		if n == 0 {
			break
		}
		dst, s = lower(dst, s[:n]), s[n:]
	}
	return lower(dst, s)
}

// plainLetters are letters of Latin scripts by the plain one that stands for them, which begins each word.
const plainLetters = "aàáâãäåāăą cçćč dďđ eèéêëēėęě gğ iìíîïīįı lłľĺ nñńň oòóôõöøōő°º rŕř sśšşș tťţț uùúûüūůűų yýÿ zźżž"

// appendPlain appends the plain letters for a letter that is not ASCII.
func appendPlain(dst []byte, r rune) []byte {
	r = unicode.ToLower(r)
	switch {
	case r < 0xE0 && r != '°' && r != 'º' && r != 'ß', r > 0x17F && r < 0x218:
		return utf8.AppendRune(dst, r)
	case r >= 0x300 && r <= 0x36F:
		return dst
	}
	switch r {
	case 'ß':
		return append(dst, "ss"...)
	case 'æ':
		return append(dst, "ae"...)
	case 'œ':
		return append(dst, "oe"...)
	case 'ﬁ':
		return append(dst, "fi"...)
	case 'ﬂ':
		return append(dst, "fl"...)
	}
	if r > 0x21B {
		return utf8.AppendRune(dst, r)
	}
	first := byte(0)
	for i, m := range plainLetters {
		switch {
		case m < utf8.RuneSelf && m != ' ':
			first = plainLetters[i]
		case m == r:
			return append(dst, first)
		}
	}
	return utf8.AppendRune(dst, r)
}

// umlauts writes ä, ö and ü, spelled out in a word of five letters or more, as the letters without their dots: "waehrung".
func umlauts(w string) string {
	if len(w) < 5 || !digraphs([]byte(w)) {
		return w
	}
	return strings.NewReplacer("ae", "a", "oe", "o", "ue", "u").Replace(w[:len(w)-1]) + w[len(w)-1:]
}

// digraphs reports whether a word may have a spelled-out umlaut.
func digraphs(w []byte) bool {
	if len(w) < 5 {
		return false
	}
	for i := 1; i < len(w)-1; i++ {
		if w[i] == 'e' && (w[i-1] == 'a' || w[i-1] == 'o' || w[i-1] == 'u' && (i < 2 || w[i-2] != 'q' && w[i-2] != 'e' && w[i-2] != 'a')) {
			return true
		}
	}
	return false
}
