package documenttest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// FakeOCR writes a program into dir that takes Tesseract's place: it reads every picture as the words of text, in one line, and
// makes an empty file in the folder calls for each picture that it is given. It needs a shell.
func FakeOCR(dir, text string) (path, calls string, err error) {
	path, calls = filepath.Join(dir, "tesseract"), filepath.Join(dir, "calls")
	if err := os.Mkdir(calls, 0o700); err != nil {
		return "", "", err
	}
	var rows strings.Builder
	rows.WriteString(strings.Join([]string{"level", "page_num", "block_num", "par_num", "line_num", "word_num", "left", "top", "width", "height", "conf", "text"}, `\t`) + `\n`)
	left := 100
	for i, word := range strings.Fields(text) {
		width := 25 * len(word)
		fmt.Fprintf(&rows, `5\t1\t1\t1\t1\t%d\t%d\t100\t%d\t40\t96\t%s\n`, i+1, left, width, word)
		left += width + 15
	}
	script := fmt.Sprintf(`#!/bin/sh
case "$1" in
--version) echo "tesseract 5.0.0" ;;
--list-langs) printf 'languages\neng\n' ;;
*) cat > /dev/null; : > '%s'/$$; printf '%s' ;;
esac
`, calls, strings.ReplaceAll(rows.String(), "%", "%%"))
	return path, calls, os.WriteFile(path, []byte(script), 0o700) //nolint:gosec // a program must be executable
}
