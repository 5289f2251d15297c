package main

import (
	"strconv"
	"strings"
)

// money writes amounts of cents as a document does.
type money struct{ thousands, decimal, before, after string }

func (m money) of(cents int) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	whole := strconv.Itoa(cents / 100)
	var groups []string
	for len(whole) > 3 {
		groups = append([]string{whole[len(whole)-3:]}, groups...)
		whole = whole[:len(whole)-3]
	}
	groups = append([]string{whole}, groups...)
	rest := strconv.Itoa(100 + cents%100)[1:]
	return sign + m.before + strings.Join(groups, m.thousands) + m.decimal + rest + m.after
}

// part returns tenths of a percent of an amount, rounded half up.
func part(cents, tenthsOfPercent int) int { return (cents*tenthsOfPercent + 500) / 1000 }

// sold is a line of an invoice; its amount is worked out.
type sold struct {
	name  string
	qty   int
	cents int // for one
}

// priced writes lines as rows of name, quantity, unit price and amount, and returns their sum.
func priced(m money, items []sold) (rows [][]string, sum int) {
	for _, it := range items {
		amount := it.qty * it.cents
		rows = append(rows, []string{it.name, strconv.Itoa(it.qty), m.of(it.cents), m.of(amount)})
		sum += amount
	}
	return rows, sum
}
