package document

import "strconv"

// ShowNumber shows a number in a format of Excel.
func ShowNumber(code string, v float64) string {
	return parseFormat(code).show(v, strconv.FormatFloat(v, 'g', -1, 64), false)
}
