package main

func receipts() []document {
	return []document{
		receiptTillText(), receiptCardSlip(), receiptHotelFolio(), receiptRideGrid(), receiptDonation(), receiptFuelText(),
		receiptOrderText(), receiptWorkshop(),
		receiptWeightsText(), receiptTicket(), receiptClinic(),
		receiptSwedishParking(), receiptTransfer(), receiptYenText(),
	}
}

// A till receipt as a printer writes it: no labels for the merchant, prices at the right.
func receiptTillText() document {
	return document{
		name: "receipt-01-till-text", kind: "receipt", title: "Receipt", style: nullable,
		locale: us("01/02/2006"),
		fields: `
			merchant!         text     | Merchant | Name of the shop
			address           text     | Street address
			phone             phone    | Phone
			receipt_number    text     | Receipt number
			date!             date     | Date of purchase
			cashier           text     | Cashier
			subtotal          amount   | Subtotal
			tax               amount   | Tax
			total!            amount   | Total paid
			payment_method    enum(cash,credit_card,debit_card,other) | Payment method
			card_last_four    text     | Last four digits of the card
			tip               amount   | Tip
			items[]/name      text     | Item
			items[]/price     amount   | Price`,
		text: `
         {merchant|COPPER KETTLE GROCERS}
           {address|2290 Alder Avenue}
          Bend, OR 97701
          Tel {phone|541-555-0162}

Receipt #: {receipt_number|004417}    Reg: 03
Date: {date|02/21/2026}  Time: 17:42
Cashier: {cashier|Maribel}
----------------------------------------
{items/0/name|OAT MILK 1L}                       {items/0/price|4.29}
{items/1/name|SOURDOUGH LOAF}                    {items/1/price|6.50}
{items/2/name|FREE RANGE EGGS 12}                {items/2/price|5.99}
{items/3/name|HONEYCRISP APPLES}                 {items/3/price|7.14}
{items/4/name|DARK CHOCOLATE 85%}                {items/4/price|3.75}
----------------------------------------
SUBTOTAL                         {subtotal|27.67}
TAX 0.00%                         {tax|0.00}
TOTAL                           {total|$27.67}

{payment_method|CREDIT CARD}  ************{card_last_four|8830}
AUTH CODE 071152
CHANGE                            0.00

   THANK YOU FOR SHOPPING LOCAL
`,
	}
}

// A restaurant's card slip: dotted lines between label and value, tip and total beside a decoy total before tip.
func receiptCardSlip() document {
	return document{
		name: "receipt-02-card-slip", kind: "receipt", title: "Restaurant receipt", style: pydantic,
		locale: us("2 Jan 2006"),
		fields: `
			restaurant!     text
			table_number    text
			server          text
			visited_on!     date
			guests          integer
			food_total      amount | | Food and drinks before tax
			sales_tax       amount
			tip             amount
			total_charged!  amount | | What the card was charged, tip included
			currency        currency
			card_brand      enum(Visa,Mastercard,Amex)
			vat_number      tax_id`,
		theme: theme{family: "Courier", size: 9.5, accent: [3]int{0, 0, 0}, margin: 150, letter: true},
		body: []block{
			lines(font{size: 15, bold: true, align: 'C'}, "{restaurant|The Salted Lantern}"),
			lines(font{align: 'C'}, "19 Wharf Street, Portland, ME"),
			gap(8), rule(),
			dotted("Table", "{table_number|14}", "Server", "{server|Odette}", "Guests", "{guests|3}",
				"Date", "{visited_on|9 Jan 2026}", "Time", "20:31"),
			rule(),
			dotted("2 x Chowder", "22.00", "1 x Hake, brown butter", "31.00", "3 x Cider", "24.00"),
			rule(),
			dotted("Food & drinks", "{food_total|77.00}", "Sales tax", "{sales_tax|6.16}", "Total before tip", "83.16",
				"Tip", "{tip|16.00}", "TOTAL CHARGED", "{currency|USD} {total_charged|99.16}"),
			rule(),
			dotted("Card", "{card_brand|Visa} **** 1177", "Approval", "55203"),
			gap(8),
			lines(font{align: 'C'}, "Guest copy - thank you"),
		},
	}
}

// A hotel folio: charges day by day in a table, euro amounts, two dates of a stay beside the date of payment.
func receiptHotelFolio() document {
	cols := []col{
		{head: "Date", field: "date", share: 0.18},
		{head: "Description", field: "description", share: 0.52},
		{head: "VAT", share: 0.1, align: 'R'},
		{head: "EUR", field: "amount", share: 0.2, align: 'R'},
	}
	return document{
		name: "receipt-03-hotel-folio", kind: "receipt", title: "HotelBill", style: nullable,
		locale: eu("02/01/2006"),
		fields: `
			hotel_name!           text    | Hotel
			hotel_vat_id          tax_id  | VAT number of the hotel
			guest_name!           text    | Guest
			folio_number          text    | Folio number
			room                  text    | Room number
			arrival_date          date    | Arrival
			departure_date        date    | Departure
			paid_on               date    | Date of payment
			nights                integer | Number of nights
			charges[]/date        date    | Date
			charges[]/description text    | Description
			charges[]/amount      amount  | Amount
			city_tax              amount  | City tax
			total!                amount  | Total
			currency              currency | Currency
			breakfast_included    boolean | Breakfast included
			loyalty_number        text    | Loyalty number
			booking_reference     text    | Booking reference`,
		theme: theme{family: "Times", size: 10.5, accent: [3]int{90, 70, 30}, margin: 56},
		body: []block{
			lines(font{size: 20, bold: true, align: 'C', accent: true}, "{hotel_name|Hotel Aguamarina}"),
			lines(font{size: 9, align: 'C', gray: true}, "Paseo del Faro 12, 11005 Cádiz, Spain - NIF {hotel_vat_id|ESB11804472}"),
			gap(14),
			columns(0.5,
				stack(tabbed(90, "Guest", "{guest_name|Mr. Lucian Ferncastle}", "Room", "{room|407}", "Arrival", "{arrival_date|18/01/2026}", "Departure", "{departure_date|21/01/2026}")),
				stack(tabbed(100, "Folio no.", "{folio_number|F-77120}", "Booking ref.", "{booking_reference|QX4-8812}", "Nights", "{nights|3}", "Loyalty no.", "none given"))),
			gap(8),
			table(look{}, "charges", cols, [][]string{
				{"18/01/2026", "Room, superior double", "10%", "124,00"},
				{"19/01/2026", "Room, superior double", "10%", "124,00"},
				{"19/01/2026", "Restaurant La Caleta", "10%", "46,50"},
				{"20/01/2026", "Room, superior double", "10%", "131,00"},
				{"20/01/2026", "Garage", "21%", "18,00"},
			}),
			totals(200, "Charges", "443,50", "City tax", "{city_tax|6,00}", "Total {currency|EUR}", "{total|449,50}"),
			lines(font{}, "Paid by card on {paid_on|21/01/2026}."),
			lines(font{}, "{breakfast_included|Breakfast included: yes|true}"),
		},
	}
}

// A ride receipt as an app mails it: a large total at the top, labels above values, fare parts below.
func receiptRideGrid() document {
	return document{
		name: "receipt-04-ride", kind: "receipt", title: "Ride receipt", style: plain,
		locale: us("Jan 2, 2006"),
		fields: `
			trip_id          text
			date!            date    | | Date of the trip
			driver           text    | | Name of the driver
			license_plate    text
			pickup           text    | | Pickup address
			dropoff          text    | | Dropoff address
			distance_miles   number
			duration_minutes integer
			base_fare        amount
			surcharge        amount
			tolls            amount
			tip              amount
			total!           amount
			currency         currency
			payment          enum(card,cash,wallet)
			promo_code       text`,
		theme: theme{family: "Helvetica", size: 10.5, accent: [3]int{15, 15, 15}, margin: 70, letter: true},
		body: []block{
			columns(0.6, stack(lines(font{size: 22, bold: true}, "Thanks for riding, Petra"), lines(font{gray: true}, "{date|Feb 12, 2026}")),
				stack(lines(font{size: 26, bold: true, align: 'R'}, "{total|{currency|$|USD}38.12}"))),
			rule(),
			above("Pickup", "{pickup|1717 Larimer Street, Denver}", "Dropoff", "{dropoff|Concourse Hotel, Peña Boulevard}"),
			columns(0.5,
				stack(above("Driver", "{driver|Emeka}", "License plate", "{license_plate|BZT-4410}", "Trip ID", "{trip_id|9f2c-77ad-10}")),
				stack(above("Distance", "{distance_miles|22.4 miles}", "Time", "{duration_minutes|31 min}", "Paid with", "{payment|Card}"))),
			heading("Fare"),
			dotted("Base fare", "{base_fare|$27.87}", "Airport surcharge", "{surcharge|$4.50}", "Tip", "{tip|$5.75}"),
		},
	}
}

// A donation receipt as a letter: everything stands in sentences.
func receiptDonation() document {
	return document{
		name: "receipt-05-donation", kind: "receipt", title: "DonationReceipt", style: pydantic,
		locale: us("January 2, 2006"),
		fields: `
			organization!      text
			ein                tax_id  | Tax id | Employer identification number of the charity
			donor!             text
			donation_date      date    | | Date of the gift
			letter_date        date    | | Date of the letter
			amount!            amount
			currency           currency
			receipt_number     text
			goods_received     boolean | | Whether the donor received goods or services in return
			recurring          boolean
			contact_email      email
			signed_by          text`,
		theme: darkSerif(),
		body: []block{
			lines(font{size: 16, bold: true, accent: true}, "{organization|Friends of the Juniper River}"),
			lines(font{size: 9, gray: true}, "PO Box 418, Salida, CO 81201"),
			gap(20),
			lines(font{align: 'R'}, "{letter_date|January 20, 2026}"),
			lines(font{}, "Receipt no. {receipt_number|2025-1187}"),
			gap(12),
			para(font{}, "Dear {donor|Augustin Quimby},"),
			para(font{}, "Thank you for your generous gift of {amount|{currency|$|USD}2,500.00}, which we received on {donation_date|December 29, 2025}. It will pay for the replanting of two miles of river bank."),
			para(font{}, "For your tax records: {goods_received|no goods or services were provided in exchange for this contribution|false}. Friends of the Juniper River is a 501(c)(3) organization, EIN {ein|47-2290183}."),
			para(font{}, "If you have any question, please write to {contact_email|giving@juniperriver.example}."),
			gap(16),
			lines(font{}, "With gratitude,"), gap(14),
			lines(font{}, "{signed_by|Temperance Holloway}", "Executive Director"),
		},
	}
}

// A fuel receipt with decimal commas: quantity, price for a litre and sum.
func receiptFuelText() document {
	return document{
		name: "receipt-06-fuel-text", kind: "receipt", title: "Fuel receipt", style: nullable,
		locale: eu("02.01.2006"),
		fields: `
			station!           text     | Station
			vat_number         tax_id   | VAT number of the station
			receipt_number     text     | Receipt number
			date!              date     | Date
			pump               integer  | Pump
			fuel_type          enum(diesel,super_95,super_98,electric) | Fuel type
			litres             number   | Litres
			price_per_litre    number   | Price per litre
			net                amount   | Net
			vat_amount         amount   | VAT amount
			total!             amount   | Total
			currency           currency | Currency
			odometer           integer  | Odometer reading
			payment_method     enum(cash,card,fleet_card) | Payment method`,
		text: `
        {station|Zeeland Tankpunt Goes}
        A58 exit 35, 4462 Goes
        VAT no. {vat_number|NL811204336B02}

RECEIPT {receipt_number|00071883}
{date|24.01.2026}   08:16

Pump         {pump|7}
Product      {fuel_type|Diesel}
Volume       {litres|52,41 l}
Price/l      {price_per_litre|1,679}

TOTAL {currency|EUR}    {total|88,00}
 net          {net|72,73}
 VAT 21,00%   {vat_amount|15,27}

Paid by      {payment_method|Fleet card}
Odometer     not entered

Good journey!
`,
	}
}

// An order confirmation: item lines of the form "2 x name", shipping free, two addresses.
func receiptOrderText() document {
	return document{
		name: "receipt-07-order-text", kind: "receipt", title: "OrderConfirmation", style: pydantic,
		locale: us("2 January 2006", "Monday 2 January 2006"),
		fields: `
			order_number!        text
			ordered_on           date
			expected_delivery    date
			shop                 text
			customer             text
			items[]/quantity     integer
			items[]/name         text
			items[]/price        amount | | Price of the line
			subtotal             amount
			shipping             amount
			total_paid!          amount
			currency             currency
			gift_wrapped         boolean
			returns_url          url
			tracking_number      text
			voucher              text`,
		text: `
Thank you for your order, {customer|Saoirse Lindqvist}!

ORDER {order_number|WH-5520-8841}
Placed on {ordered_on|3 February 2026}
Expected delivery: {expected_delivery|Monday 9 February 2026}

  {items/0/quantity|2} x {items/0/name|Linen tea towel, moss}            {items/0/price|£19.00}
  {items/1/quantity|1} x {items/1/name|Beeswax candle, tall}             {items/1/price|£12.50}
  {items/2/quantity|3} x {items/2/name|Enamel mug, navy rim}             {items/2/price|£25.50}

  Subtotal                             {subtotal|£57.00}
  Shipping (standard)                   {shipping|£3.95}
  Total paid                           {total_paid|{currency|£|GBP}60.95}

{gift_wrapped|Gift wrapping: no|false}
Voucher: -

We will send the tracking number as soon as the parcel leaves us. Changed your mind? {returns_url|https://wrenandhollow.example/returns}

{shop|Wren & Hollow Homewares}
`,
	}
}

// A bicycle workshop: a form with a label column, parts and labour in two tables, VAT included in the total.
func receiptWorkshop() document {
	cols := []col{
		{head: "Part", field: "name", share: 0.6},
		{head: "Pcs", field: "pieces", share: 0.15, align: 'C'},
		{head: "CHF", field: "amount", share: 0.25, align: 'R'},
	}
	return document{
		name: "receipt-08-workshop", kind: "receipt", title: "Repair receipt", style: nullable,
		locale: ch("2.1.2006"),
		fields: `
			workshop!            text     | Workshop
			ticket!              text     | Ticket
			received_on          date     | Bicycle received on
			ready_on             date     | Ready on
			customer             text     | Customer
			customer_phone       phone    | Customer's phone
			bicycle              text     | Bicycle
			frame_number         text     | Frame number
			parts[]/name         text     | Part
			parts[]/pieces       integer  | Pieces
			parts[]/amount       amount   | Amount
			labour               amount   | Labour
			total!               amount   | Total
			currency             currency | Currency
			vat_included         boolean  | VAT is included in the total
			warranty_months      integer  | Warranty on the work in months
			estimate             amount   | Estimate given before the repair`,
		theme: greenSans(),
		body: []block{
			banner("{workshop|Velowerk Lorraine}", "Ticket {ticket|26-0447}"),
			tabbed(120, "Customer", "{customer|Ursin Caflisch}", "Phone", "{customer_phone|079 555 01 26}", "Bicycle", "{bicycle|Tour de Suisse Diavolezza}",
				"Frame number", "{frame_number|TS8841207}", "Received", "{received_on|2.2.2026}", "Ready", "{ready_on|6.2.2026}"),
			table(look{frame: true, bar: true}, "parts", cols, [][]string{
				{"Chain 11-speed", "1", "58.00"},
				{"Brake pads, organic", "2", "49.80"},
				{"Gear cable and housing", "1", "22.50"},
			}),
			totals(180, "Parts", "130.30", "Labour 1.5 h", "{labour|142.50}", "Total {currency|CHF}", "{total|272.80}"),
			lines(font{}, "{vat_included|VAT included|true}. Warranty on our work: {warranty_months|6 months}."),
		},
	}
}
