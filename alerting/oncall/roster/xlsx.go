package roster

import (
	"errors"
	"fmt"

	"github.com/xuri/excelize/v2"
)

// maxCells bounds what merged cells may be spread over.
const maxCells = 200000

func (im *importer) xlsx(path string) error {
	x, err := excelize.OpenFile(path, excelize.Options{UnzipSizeLimit: 4 * maxSheet, UnzipXMLSizeLimit: maxSheet})
	if err != nil {
		return err
	}
	defer func() { _ = x.Close() }() // only read
	if p, err := x.GetWorkbookProps(); err == nil && p.Date1904 != nil {
		im.from1904 = *p.Date1904
	}
	for _, sheet := range x.GetSheetList() {
		// Raw values: a date is a number whatever face the cell gives it, where its
		// text may be in the American order.
		rows, err := x.GetRows(sheet, excelize.Options{RawCellValue: true})
		if err != nil {
			return fmt.Errorf("sheet %q: %w", sheet, err)
		}
		if len(rows) == 0 {
			continue // the empty sheets that a new workbook has
		}
		if rows, err = spread(x, sheet, rows); err != nil {
			return fmt.Errorf("sheet %q: %w", sheet, err)
		}
		im.table(sheet, rows)
	}
	return nil
}

// spread puts the value of merged cells into each of them: a day that stands
// once before its two shifts, a leader before all of them.
func spread(x *excelize.File, sheet string, rows [][]string) ([][]string, error) {
	merged, err := x.GetMergeCells(sheet)
	if err != nil {
		return nil, err
	}
	cells := 0
	for _, m := range merged {
		c1, r1, err1 := excelize.CellNameToCoordinates(m.GetStartAxis())
		c2, r2, err2 := excelize.CellNameToCoordinates(m.GetEndAxis())
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		if r1 < 1 || r1 > len(rows) || c1 < 1 || c1 > len(rows[r1-1]) {
			continue
		}
		if c2 > c1 && r2 == r1 {
			continue // a title over the table
		}
		value := rows[r1-1][c1-1]
		for r := r1; r <= min(r2, len(rows)); r++ {
			for c := c1; c <= min(c2, c1+20); c++ {
				if cells++; cells > maxCells {
					return nil, errors.New("too many merged cells")
				}
				for len(rows[r-1]) < c {
					rows[r-1] = append(rows[r-1], "")
				}
				rows[r-1][c-1] = value
			}
		}
	}
	return rows, nil
}
