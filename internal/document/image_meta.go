package document

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// metadata is what is looked at of a picture's metadata before all of it is dropped.
type metadata struct {
	orientation int  // as EXIF counts it, 1 to 8
	progressive bool // a JPEG that is stored in several passes
}

// Limits of metadata.
const (
	maxSegments   = 10_000  // of a file
	maxMetaBytes  = 1 << 20 // of one block of EXIF
	tagTurn       = 0x0112  // EXIF's orientation
	maxIFDEntries = 4096
)

// metadata reads how a picture is turned. Broken metadata say nothing.
func (p *picture) metadata(format string) (metadata, error) {
	r := &fileAt{src: p.src}
	s := io.NewSectionReader(r, 0, maxImageBytes)
	m := metadata{orientation: 1}
	switch format {
	case formatJPEG:
		m = jpegMeta(s)
	case formatPNG:
		m.orientation = exifTurn(findChunk(s, 8, binary.BigEndian, "eXIf", 4, 1))
	case formatWebP:
		m.orientation = exifTurn(findChunk(s, 12, binary.LittleEndian, "EXIF", 0, 2))
	}
	if r.err != nil {
		return m, fmt.Errorf("read %s: %w", p.name, r.err)
	}
	return m, nil
}

// jpegMeta walks the segments of a JPEG up to its pixels.
func jpegMeta(s *io.SectionReader) metadata {
	m := metadata{orientation: 1}
	for at, i := int64(2), 0; i < maxSegments; i++ {
		var head [4]byte
		if _, err := s.ReadAt(head[:], at); err != nil || head[0] != 0xFF {
			return m
		}
		if head[1] == 0xFF { // filling
			at++
			continue
		}
		length := int64(binary.BigEndian.Uint16(head[2:]))
		switch kind := head[1]; {
		case kind == 0xC2 || kind == 0xC6 || kind == 0xCA || kind == 0xCE:
			m.progressive = true
			return m
		case kind == 0xDA || kind == 0xD9 || length < 2:
			return m
		case kind == 0xE1 && length > 8:
			data := make([]byte, length-2)
			if _, err := s.ReadAt(data, at+4); err != nil {
				return m
			}
			if exif, ok := bytes.CutPrefix(data, []byte("Exif\x00\x00")); ok {
				m.orientation = exifTurn(exif)
			}
		}
		at += 2 + length
	}
	return m
}

// findChunk returns the data of the first chunk with a name, in files that are made of chunks: name and length in either
// order, trailer bytes behind the data, starts at even places when align is 2.
func findChunk(s *io.SectionReader, at int64, order binary.ByteOrder, name string, trailer, align int64) []byte {
	lengthFirst := order == binary.BigEndian
	for range maxSegments {
		var head [8]byte
		if _, err := s.ReadAt(head[:], at); err != nil {
			return nil
		}
		kind, size := string(head[:4]), head[4:]
		if lengthFirst {
			kind, size = string(head[4:]), head[:4]
		}
		length := int64(order.Uint32(size))
		if kind == name {
			data := make([]byte, min(length, maxMetaBytes))
			if _, err := s.ReadAt(data, at+8); err != nil {
				return nil
			}
			return bytes.TrimPrefix(data, []byte("Exif\x00\x00"))
		}
		at += 8 + length + trailer
		if at%align != 0 {
			at++
		}
	}
	return nil
}

// exifTurn reads the orientation of a block of EXIF, 1 when it says none.
func exifTurn(exif []byte) int {
	if len(exif) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if exif[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(exif[4:]))
	if at+2 > int64(len(exif)) {
		return 1
	}
	n := min(int(order.Uint16(exif[at:])), maxIFDEntries)
	for i := range n {
		entry := at + 2 + int64(i)*12
		if entry+12 > int64(len(exif)) {
			return 1
		}
		if order.Uint16(exif[entry:]) == tagTurn {
			return validTurn(int(order.Uint16(exif[entry+8:])))
		}
	}
	return 1
}

// validTurn is an orientation, 1 for what is none.
func validTurn(v int) int {
	if v < 1 || v > 8 {
		return 1
	}
	return v
}

// binaryOrder is how a TIFF writes its numbers.
func binaryOrder(r io.ReaderAt) binary.ByteOrder {
	var mark [2]byte
	if _, err := r.ReadAt(mark[:], 0); err == nil && mark[0] == 'M' {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// tiffHeads reads the heads of a TIFF's frames. Small copies of a picture, which scanners put beside it, are no pages.
func (p *picture) tiffHeads(size int64) ([]frame, error) {
	r := &fileAt{src: p.src}
	order := binaryOrder(r)
	var word [4]byte
	if _, err := r.ReadAt(word[:], 4); err != nil {
		return nil, unsupported(err, "%s is broken and cannot be read as tiff.", p.name)
	}
	var frames []frame
	seen := map[uint32]bool{}
	for at := order.Uint32(word[:]); at != 0; {
		if seen[at] || int64(at)+2 > size {
			break
		}
		if seen[at] = true; len(frames) == maxTIFFPages || len(seen) > 2*maxTIFFPages {
			return nil, unsupported(nil, "%s has more than %d pages.", p.name, maxTIFFPages)
		}
		head := ifdHead(r, order, at)
		f := frame{format: formatTIFF, ifd: at, orientation: head.orientation}
		if at = head.next; head.reduced {
			continue
		}
		config, err := p.config(&f)
		if err != nil {
			return nil, err
		}
		f.width, f.height, f.decoded = config.Width, config.Height, weigh(formatTIFF, config)
		f.weight = decoding(formatTIFF) * f.decoded
		frames = append(frames, f)
	}
	if len(frames) == 0 {
		return nil, unsupported(nil, "%s is broken and cannot be read as tiff.", p.name)
	}
	return frames, nil
}

// ifd is what is looked at of a frame of a TIFF.
type ifd struct {
	orientation int
	reduced     bool // a small copy of another frame
	next        uint32
}

// ifdHead reads the directory at a place; what cannot be read is as if it were not there.
func ifdHead(r io.ReaderAt, order binary.ByteOrder, at uint32) ifd {
	d := ifd{orientation: 1}
	var count [2]byte
	if _, err := r.ReadAt(count[:], int64(at)); err != nil {
		return d
	}
	n := int(order.Uint16(count[:]))
	if n > maxIFDEntries {
		return d
	}
	table := make([]byte, n*12+4)
	if got, err := r.ReadAt(table, int64(at)+2); err != nil && got < len(table) {
		return d
	}
	for i := range n {
		entry := table[i*12:]
		switch order.Uint16(entry) {
		case tagTurn:
			d.orientation = validTurn(int(order.Uint16(entry[8:])))
		case 0x00FE: // NewSubfileType
			d.reduced = order.Uint32(entry[8:])&1 != 0
		}
	}
	d.next = order.Uint32(table[n*12:])
	return d
}
