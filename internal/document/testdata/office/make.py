"""Makes the Word and Excel files of this folder, as real programs write them.

    python3 -m venv v && v/bin/pip install python-docx==1.2.0 openpyxl==3.1.5 && v/bin/python make.py

They are made once and kept: the tests need no Python.
"""
import datetime

import docx
import openpyxl
from docx.enum.text import WD_BREAK
from openpyxl.styles import numbers

d = docx.Document()
d.sections[0].header.paragraphs[0].text = "Harrow & Pike Ltd.  Confidential"
d.sections[0].footer.paragraphs[0].text = "Company number 0998812"
d.add_heading("Supply agreement", 0)
d.add_heading("Parties", 1)
d.add_paragraph("This agreement is made on 4 May 2026 between Harrow & Pike Ltd. and Müller Söhne GmbH.")
d.add_heading("Prices", 1)
t = d.add_table(rows=1, cols=4)
for c, s in zip(t.rows[0].cells, ["Item", "Qty", "Unit price", "Amount"]):
    c.text = s
for row in [("Oak board", "12", "18.50", "222.00"), ("Birch board", "", "9.10", ""), ("Delivery", "1", "40.00", "40.00")]:
    for c, s in zip(t.add_row().cells, row):
        c.text = s
last = t.add_row().cells
last[0].merge(last[2]).text = "Total"
last[3].text = "262.00"
two = d.add_table(rows=1, cols=2)
two.rows[0].cells[0].text = "Bill to\nHarrow & Pike Ltd."
two.rows[0].cells[1].text = "Invoice no.: HP-77\nDue: 3 June 2026"
d.add_heading("Duties", 2)
for s in ["Deliver on time", "Insure the goods"]:
    d.add_paragraph(s, style="List Number")
for s in ["oak", "birch"]:
    d.add_paragraph(s, style="List Bullet")
d.add_paragraph("Last line of the first page.").add_run().add_break(WD_BREAK.PAGE)
d.add_heading("Annex", 1)
p = d.add_paragraph("Signed")
p.add_run("\tJane Pike")
d.save("agreement.docx")

w = openpyxl.Workbook()
s = w.active
s.title = "Invoice"
s["A1"] = "Invoice no."
s["B1"] = "2026-0031"
s["A2"] = "Date"
s["B2"] = datetime.date(2026, 2, 3)
s["B2"].number_format = "DD/MM/YYYY"
s["A3"] = "Paid at"
s["B3"] = datetime.datetime(2026, 2, 4, 15, 7)
s["B3"].number_format = "d mmm yyyy h:mm AM/PM"
s.append([])
s.append(["Item", "Qty", "Price", "Share", "Amount"])
s.append(["Oak board", 12, 18.5, 0.8471, 222])
s.append(["Refund", -1, 1234.5, 0.1529, -1234.5])
for r in (6, 7):
    s.cell(r, 3).number_format = "#,##0.00"
    s.cell(r, 4).number_format = "0.0%"
    s.cell(r, 5).number_format = '[$€-407]\\ #,##0.00;[Red]\\([$€-407]\\ #,##0.00\\)'
s["A8"] = "Total"
s["E8"] = "=SUM(E6:E7)"
s.merge_cells("A9:E9")
s["A9"] = "Thank you for your\nbusiness"
s["A10"] = True
s["B10"] = 1 / 3
n = w.create_sheet("Notes & more")
n["C3"] = "far from the corner"
n["D3"] = "#N/A"
w.save("invoice.xlsx")
