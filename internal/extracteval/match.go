package extracteval

// match pairs expected items with given ones. The result has, for each expected item, the index of its given item or -1.
// Scalars are paired as a set: equal ones with each other, the rest with nothing. Objects are aligned in order with as many
// agreeing leaves as possible; agree counts them.
func match(expected, got []any, agree func(i int, expected, got any) int) []int {
	if len(expected) > 0 {
		if _, object := expected[0].(map[string]any); object {
			return align(expected, got, agree)
		}
	}
	return matchSet(expected, got, agree)
}

func matchSet(expected, got []any, agree func(i int, expected, got any) int) []int {
	matches := make([]int, len(expected))
	taken := make([]bool, len(got))
	for i := range expected {
		matches[i] = -1
		for j := range got {
			if !taken[j] && agree(i, expected[i], got[j]) > 0 {
				matches[i], taken[j] = j, true
				break
			}
		}
	}
	return matches
}

// align finds the order-preserving pairing of rows with the most agreeing leaves, by dynamic programming. Between pairings
// of equal worth it takes the one with more pairs, and the earlier rows.
func align(expected, got []any, agree func(i int, expected, got any) int) []int {
	n, m := len(expected), len(got)
	worth := make([][]int, n) // of pairing i with j: agreeing leaves weigh more than the pair itself
	best := make([][]int, n+1)
	for i := range best {
		best[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		worth[i] = make([]int, m)
		for j := m - 1; j >= 0; j-- {
			worth[i][j] = 1 + agree(i, expected[i], got[j])*(n+m+1)
			best[i][j] = max(best[i+1][j], best[i][j+1], best[i+1][j+1]+worth[i][j])
		}
	}
	matches := make([]int, n)
	i, j := 0, 0
	for i < n {
		switch {
		case j < m && best[i][j] == best[i+1][j+1]+worth[i][j]:
			matches[i] = j
			i, j = i+1, j+1
		case j < m && best[i][j] == best[i][j+1]:
			j++
		default:
			matches[i] = -1
			i++
		}
	}
	return matches
}
