package builtin

import "strings"

// group is a set of labels for one idea. A field that is named or titled like one of them is looked for under all.
type group struct {
	id     string
	labels []string // strongest first
	weak   []string // labels that may mean it when nothing better stands

	phrases []phrase   // of labels and then of weak
	words   [][]string // of labels
	world   []language // labels of other languages
}

// groupTable is one group a line: "id: label, label | weak label". Labels are written in canonical words (see aliases).
const groupTable = `
invoice number: invoice number, bill number, tax invoice number, document number, invoice reference, invoice, rechnungsnummer, rechnung number, rechnungs number, facture number, numéro facture, numero de facture, factura number, fattura number, beleg number, belegnummer, credit note number, n factura, número de factura, factuurnummer, fakturanummer, numero fattura, facture n° | number, reference number, document
invoice date: invoice date, date of invoice, issue date, date of issue, issued on, issued, date issued, invoice issued, bill date, billing date, document date, tax point, rechnungsdatum, datum, date de facture, date facture, fecha de factura, data fattura, ausstellungsdatum, fecha factura, factuurdatum, fakturadatum, data fattura, émise le, date émission, datum faktura | date, dated, fecha, data
due date: due date, payment due, payment due date, due, due on, due by, pay by, payable by, payable until, payment date due, date due, please pay by, payment deadline, fällig am, fällig, fälligkeit, fälligkeitsdatum, zahlbar bis, échéance, date échéance, date d'échéance, à payer avant, vencimiento, fecha de vencimiento, scadenza, payable no later than, last day of payment, settle by, payable without deduction until, vencimiento factura, vervaldatum, förfallodatum, data scadenza, à régler avant le, forfallsdato, betaldatum
delivery date: delivery date, required by, needed by, ship by, date of delivery, delivered on, delivered, date delivered, date of supply, supply date, service date, lieferdatum, leistungsdatum, date de livraison, estimated delivery, delivery by
ship date: ship date, shipped on, shipping date, date shipped, dispatch date, versanddatum
order date: order date, date of order, ordered on, placed on, order placed on, bestelldatum, date de commande, order placed
purchase order: purchase order number, purchase order, po number, po, customer po, customer order, your order, your order number, order reference, po reference, bestellnummer, bestell number, commande number, buyer reference, po ref, customer order number
order number: order number, order, order reference, sales order, sales order number, auftragsnummer, auftrag number, bestellnummer
delivery note: delivery note, delivery note number, lieferschein, packing slip, packing slip number
quote number: quote number, quotation number, offer number, estimate number, angebot number
total: total, grand total, total amount, invoice total, total due, amount due, total payable, total to pay, gross total, total gross, gross amount, amount payable, total including vat, total including tax, total incl vat, total inc vat, total invoice amount, total charge, total charged, order total, total paid, total price, gesamtbetrag, gesamt, gesamtsumme, total ttc, rechnungsbetrag, endbetrag, bruttobetrag, brutto, summe, zu zahlen, montant total, total à payer, net à payer, importe total, totale, total a pagar, total sale, payable amount, amount to pay, invoice amount, to pay, to be paid, total value, total cost, sum total, total including gst, total including sales tax, zahlbetrag, total a pagar, totaal, totaalbedrag, te betalen, att betala, summa, totale fattura, total factura, importe a pagar, a pagar | balance due, balance, amount, amount paid, payment due, gross, sum
subtotal: subtotal, sub total, sum, net total, net amount, total net, net, total excluding vat, total excluding tax, total excl vat, total before tax, amount before tax, taxable amount, total ht, montant ht, zwischensumme, nettobetrag, netto, netto betrag, summe netto, sous total, base imponible, imponibile, net value, goods total, items total, item total, merchandise total, merchandise subtotal, total before vat, subtotal before tax, net sum, taxable total, total without vat, amount excluding vat, net invoice amount, subtotaal, totaal excl btw, netto totaal, base imponible total, delsumma
tax: tax, vat, sales tax, vat amount, tax amount, total tax, total vat, tax total, gst, hst, pst, vat total, state tax, value added tax, montant tva, mehrwertsteuer, umsatzsteuer, iva, steuer, steuerbetrag, sales tax amount, estimated tax, local tax, taxes and fee, plus vat, including vat, incl vat, of which vat, vat included, mwst betrag, gst amount, consumption tax, city tax, occupancy tax, btw, btw bedrag, moms, varav moms, cuota iva, total tva, iva total, mva
tax rate: tax rate, vat rate, sales tax rate, rate of tax, rate of vat, steuersatz, mwst satz, taux tva, vat percent, gst rate, vat, tax, sales tax, gst, mehrwertsteuer, umsatzsteuer
shipping: shipping, shipping cost, shipping fee, shipping and handling, delivery charge, delivery cost, delivery fee, freight, postage, postage and packing, versand, versandkosten, frais de port, livraison, shipping charge, carriage, transport, freight charge, delivery, p&p, verzendkosten, frakt, gastos de envío, spedizione, portes
discount: discount, discount amount, rebate, rabatt, remise, nachlass, descuento, sconto, coupon, promotion, savings, promo, less discount, volume discount, loyalty discount, member discount, discount total, total discount, total saving, korting, rabatt total, sconto totale
amount due: amount due, balance due, outstanding, to be paid, left to pay, total due, amount payable, balance, outstanding balance, balance outstanding, amount outstanding, total amount due, due amount, outstanding amount, remaining balance, restbetrag, zu zahlen, zahlbetrag, solde, net à payer, payment due amount, balance to pay, remaining due, please pay, now due | total, grand total, total payable
amount paid: amount paid, paid, deposit received, deposit paid, payment received, payments received, total paid, less payment, deposit paid, prepaid, payment, bezahlt, payé, paid amount, anzahlung, acompte, already paid, less paid, advance payment, credit applied
previous balance: previous balance, opening balance, balance forward, balance brought forward, prior balance, starting balance, beginning balance
closing balance: closing balance, ending balance, new balance, current balance, end balance, balance after
service charge: service charge, service fee, service, gratuity included, convenience fee, handling fee, platform fee, processing fee, booking fee
tip: tip, gratuity, tip amount, trinkgeld, pourboire
change: change, change due, change given, rückgeld, rendu, cash back
cash: cash, cash tendered, tendered, amount tendered, cash given, bar, gegeben, espèces, cash received
vendor: vendor, seller, absender, creditor, supplier, from, vendor name, seller name, supplier name, sold by, sold and shipped by, shipped and sold by, dispatched and sold by, bill from, billed by, issued by, issuer, merchant, merchant name, company name, payee, verkäufer, lieferant, rechnungssteller, fournisseur, vendeur, proveedor, venditore, service provider, provider, contractor, biller, creditor, beneficiary name, issuer name, trader, emetteur, émetteur, leverancier, verkoper, säljare, leverantör, emisor, fornitore, verhuurder, emittente | company, store, shop
customer: customer, buyer, bill to, billed to, customer name, buyer name, client, client name, sold to, invoice to, invoiced to, purchaser, bill to name, recipient, recipient name, to, kunde, käufer, rechnungsempfänger, rechnung an, client facturé, facturé à, facturer à, acheteur, cliente, debtor, invoice address, billing address, charged to, consignee, payer, account holder, account name, member, member name, prepared for, customer details, client details, klant, koper, köpare, kund, destinatario, client nom, acheteur nom, cliente nombre | name
ship to: ship to, shipping address, deliver to, delivery address, delivery to, shipped to, lieferadresse, lieferanschrift, adresse de livraison, livré à, ship to name, ship to address, destination
vendor address: vendor address, seller address, supplier address, merchant address, store address, company address, business address, address of seller, registered office, shop address
customer address: customer address, buyer address, billing address, client address, bill to address, invoice address
vendor tax number: vat number, vat id, vat registration number, vat reg number, tax number, tax id, ust number, ust id number, ustid, uid, uid number, ein, fein, tin, federal tax number, abn, gst number, gstin, vat registration, seller vat number, supplier vat number, vendor tax number, vat id seller, vat number seller, our vat number, steuernummer, tva number, numéro tva, tva intracommunautaire, siret, siren, partita iva, p iva, nif, cif, vat identification number, tax identification number, tax registration number, tax reg number, mwst number, employer identification number, company vat number, sales tax number
customer tax number: customer vat number, buyer vat number, vat number buyer, vat id buyer, your vat number, client vat number, customer tax number, buyer tax number, vat number of customer, your vat id
registration number: registration number, company registration number, company number, registered number, reg number, commercial register, hrb, handelsregister, company registration, registered in england number, crn, rcs
iban: iban, iban number, iban account, account iban, iban code
bic: bic, swift, swift code, bic code, swift bic, bic swift, bank identifier code
bank name: bank name, bank, name of bank, beneficiary bank, banque, kreditinstitut, issuing bank
account number: account number, bank account, bank account number, account, kontonummer, konto, konto number, compte, beneficiary account, a c number, a/c number, a/c, account reference
sort code: sort code, bank sort code, blz, bankleitzahl
routing number: routing number, aba, routing, aba number, ach routing, ach routing number, aba routing, bank routing number, wire routing
account holder: account holder, member, member name, customer, account name, name of account, kontoinhaber, beneficiary, account owner, holder, titulaire
payment days: payment days, payment due days, due days, net days, payment term days, days to pay, payable within, due within, pay within, payment within, zahlbar innerhalb, zahlbar innerhalb von, payment period
payment terms: payment terms, terms of payment, terms, payment term, zahlungsbedingungen, zahlungsziel, conditions de paiement, payment condition, payment conditions, net terms, condiciones de pago
payment method: payment method, method of payment, paid by, payment type, payment mode, paid with, payment, mode of payment, zahlungsart, zahlungsweise, mode de paiement, forma de pago, pay method, tender, tender type, settlement, paid via
payment reference: payment reference, reference, remittance reference, verwendungszweck, zahlungsreferenz, payment ref, qr reference, remittance advice, please quote, creditor reference, structured reference
reference: reference, reference number, our reference, your reference, ref number, zeichen, référence, case reference, unser zeichen, ihr zeichen
customer number: customer number, customer code, client number, account number, kundennummer, kunden number, client code, numéro client, customer account, member number, membership number, customer account number, cif, cif number, customer ref, customer reference
currency: currency, currency code, währung, devise, moneda, valuta, invoice currency, account currency, transaction currency, all amounts in, amounts in
quantity: quantity, qty ordered, units, pcs, menge, anzahl, quantité, cantidad, hours, hrs, days, quantità, count, no of units, ordered, number of units, stück, pieces, hour, unit quantity, quantity ordered, shipped, aantal, antal, cantidades, unidades
unit price: unit price, price per unit, price each, rate, price, unit cost, each, cost, einzelpreis, e preis, preis, stückpreis, prix unitaire, pu ht, prix unit, precio unitario, precio, prezzo, prezzo unitario, hourly rate, price unit, unit rate, price excluding vat, net price, unit net, rate per hour, rate hour, unit value, list price, single price, unit, item price, cost per unit, pu, price ea, ea, prijs, stuksprijs, à pris, styckpris, prix unitaire ht, pu ht, precio unidad
line amount: amount, line total, total, line amount, extended price, extended amount, net amount, ext price, total price, betrag, gesamt, gesamtpreis, montant, montant ht, total ht, importe, importo, sum, value, price, item total, extension, net total, line net, subtotal, total net, net, net value, charge, line value, totale, cost, g preis, gp, extended, charges, bedrag, belopp, importe línea, montant total, totaal
item description: description, item, item description, product, service, product name, details, article, bezeichnung, beschreibung, artikel, leistung, désignation, libellé, descripción, concepto, descrizione, goods, particulars, item name, material, activity, services, work, position, task, name, service description, product description, description of goods, description of service, description of work, title, item details, line item, charge description, goods or services, product service, omschrijving, beskrivning, artículo, articolo, benaming, vara, designation
sku: sku, item number, item code, article number, art number, product code, part number, product number, artikelnummer, artikel number, material number, code, item, style number, catalog number, model number, stock code, product, part, référence, ref, reference, seller sku, mpn, manufacturer part number
line number: line, line number, pos, position, item number, number, pos number, row, sl number, s number, sr number, item
unit of measure: unit, uom, unit of measure, einheit, unité, um, me, units, measure, per
receipt number: receipt number, receipt, transaction number, trans, sale number, ticket number, ticket, bon number, check number, slip number, trans number, order number, check, bill number, receipt id, beleg number, kassenbon, reçu number, document number, invoice number, trace number, sale, kvitto, kvitto number, kvittonummer, bonnummer, ticket nº, scontrino
item count: item count, number of items, total items, items sold, items, item total count, items purchased, articles
transaction number: transaction number, trans, transaction reference, transaction, trans number, txn reference, auth transaction number, payment number, transaction code
transaction date: transaction date, booked, booked on, booking, executed, date of transaction, date of purchase, purchase date, date purchased, sale date, date of sale, payment date, date paid, visit date, posted, posting date, value date, booking date, buchungsdatum, buchungstag, transaction time, date and time, date time, transaction date and time, date of payment, timestamp | date, datum, fecha, issued
time: time, transaction time, uhrzeit, heure, time of purchase, hora, time of sale, clock
cashier: cashier, served by, server, operator, clerk, sales associate, your server, kassierer, bedienung, caissier, waiter, associate, sold by, you were served by, staff, host
register: register, till, terminal, pos terminal, reg, kasse, lane, caisse, terminal number, station, till number, register number
table number: table, table number, tisch, mesa, tbl
guests: guests, guest, covers, number of guests, party size, cover, guest count
store number: store number, store, branch, location number, filiale, shop number, branch number
card last four: card ending, card ending in, card number, card, ending in, last four, last four digits, last 4, last 4 digits, last four digits of card, account ending, card last four, card last 4, card last4, visa ending, kartennummer, card no ending
authorization code: auth code, authorization code, approval code, authorization number, auth, approval, auth number, authorization, approval number
merchant: merchant, merchant name, store, shop, store name, shop name, restaurant, retailer, business name, trading as, vendor, seller
full name: name, full name, candidate, applicant, candidate name, applicant name, legal name, nom, name surname, vor und nachname, vorname nachname, nombre, nombre y apellidos, naam, namn, nome, nom et prénom, nome e cognome
first name: first name, given name, vorname, prénom, forename
last name: last name, family name, surname, nachname, nom de famille
birth date: birthdate, date of birth, birth date, born, born on, geburtsdatum, date de naissance, geboren, fecha de nacimiento, nacida el, nacido el, geboortedatum, födelsedatum, data di nascita, né le, née le
birth place: birthplace, place of birth, birth place, geburtsort
nationality: nationality, citizenship, citizen, staatsangehörigkeit
gender: gender, sex, geschlecht
marital status: marital status, civil status, familienstand
email: email, mail, e mail, email address, e mail address, contact email, courriel, correo, email to, correo e, correo electrónico, e post, adresse e mail, posta elettronica
phone: phone, phone number, mobile, cell, mobile phone, cell phone, contact number, telefon, téléphone, handy, mobile number, phone mobile, telefono, teléfono, contact phone, direct line, call, mobil, natel, hotline, helpline, cell number, call us, landline, teléfono móvil, tfno, móvil, telefoon, mobiel, cellulare, portable, tfn, tél, ring
fax: fax, fax number, telefax, facsimile
website: website, web, url, homepage, web site, www, site, internet, portfolio, blog, personal website, online, webseite
linkedin: linkedin, linkedin profile, linkedin url
github: github, github profile, github url
location: location, city, town, address, based in, residence, lives in, place, wohnort, ort, item location, located in, city state, lieu, standort, current location, home
address: address, street address, postal address, mailing address, anschrift, adresse, dirección, indirizzo, street, home address, property address, residential address, registered address, premises, property, domicilio, indirizzo completo, adresse postale
summary: summary, profile, about, about me, professional summary, executive summary, objective, career objective, personal statement, overview, profil, career summary, personal profile, career profile, résumé, über mich, background, introduction, professional profile
skills: skills, technical skills, key skills, core skills, core competencies, competencies, expertise, technologies, areas of expertise, skill, kenntnisse, fähigkeiten, compétences, professional skills, tools, tech stack, strengths, habilidades, skills and tools, it skills, computer skills, skill set, specialties, core strengths, key competencies, it kenntnisse, skills and technologies, fachkenntnisse, technical expertise, habilidades y competencias, vaardigheden, kunskaper, aptitudes
experience: experience, work experience, professional experience, employment history, employment, work history, career history, jobs, positions, relevant experience, berufserfahrung, beruflicher werdegang, expérience, expérience professionnelle, experiencia, career, history, work, roles, experiencia laboral, job history, employment record, professional background, berufspraxis, experiencia profesional, werkervaring, arbetslivserfarenhet, erfarenhet, esperienza, esperienze lavorative, expériences professionnelles, parcours professionnel
education: education, education and training, academic background, qualifications, studies, degrees, ausbildung, formation, educación, academic qualifications, bildung, educational background, education history, academic history, schooling, studium, bildungsweg, education and qualifications, formación, formación académica, estudios, opleiding en cursussen, utbildning, istruzione, formazione, opleidingen, formations
languages: languages, language, language skills, sprachen, langues, idiomas, spoken languages, sprachkenntnisse, languages spoken, idiomas, idiomas e informática, talen, språk, lingue
certifications: certifications, certificates, certification, licenses, licenses and certifications, zertifikate, accreditations, professional certifications, certificates and licenses, licences, zertifizierungen, courses, courses and certificates, training
projects: projects, selected projects, key projects, personal projects, projekte
publications: publications, selected publications, papers
awards: awards, honors, achievements, awards and honors, honours, accomplishments
interests: interests, hobbies, hobbies and interests, interessen, activities, personal interests
references: references, referees
company: company, employer, organization, company name, employer name, firm, arbeitgeber, unternehmen, entreprise, workplace, firma, empresa, bedrijf, företag, werkgever, arbetsgivare, azienda, société, empleador
position: position, job title, title, role, designation, occupation, job, current title, headline, current position, job role, desired position, applying for, current role, stelle, beruf, poste, position held, profession, professional title, target position, puesto, cargo, functie, befattning, posizione, ruolo, intitulé, beroep
start date: start date, from, start, commence on, commence, commences on, commences, shall commence on, begins on, starting on, begin, started, begin date, commencement date, starting date, beginn, since, date from, commencing, starts, start of term, commencement, start of contract, begins on, valid from, commencing on, joined, contract start, lease start, desde, fecha inicio, startdatum, ingangsdatum, från, inizio, début, fecha de inicio
end date: end date, to, end, until, ended, finish date, till, termination date, ending date, date to, expiry date, ends, end of term, valid until, through, ending, ending on, left, contract end, lease end, hasta, fecha fin, einddatum, till och med, fine, fin, fecha de fin
degree: degree, qualification, diploma, program, course, study, award, abschluss, diplôme, highest degree, level, título, titulo, titulación, diplôme obtenu, opleiding, examen, titolo, grado
institution: institution, school, university, college, institute, school name, university name, hochschule, universität, école, université, alma mater, centro, centro educativo, universidad, onderwijsinstelling, skola, établissement
field of study: field of study, major, field, subject, discipline, specialization, studienfach, concentration, course of study, area of study
graduation year: graduation year, year, graduated, finished, grad, year of graduation, graduation, graduation date, completed, class of
gpa: gpa, grade, cgpa, note, grade point average, result, final grade
years of experience: years of experience, years experience, experience years, total experience, year experience, years of professional experience
notice period: notice period, notice, period of notice, termination notice, kündigungsfrist, termination notice period, notice of termination, notice of non renewal, préavis
availability: availability, available from, available, earliest start date, verfügbarkeit, verfügbar ab, start availability, in stock, stock status, stock, availability status, available since, lagerbestand, disponibilidad, beschikbaarheid
salary: salary, expected salary, salary expectation, desired salary, annual salary, base salary, compensation, gehalt, gehaltsvorstellung, gross salary, salary expectations
driving license: driving license, driver license, drivers license, führerschein, permis de conduire, driver's license
listing title: title, listing title, product title, item title, product name, product, item name, item, listing, name, headline, model name, for sale, subject
price: price, asking price, sale price, list price, our price, buy it now, buy now, price now, preis, prix, precio, selling price, current price, item price, unit price, now, fixed price, retail price, start price, offer price, cost, buy it now price, special offer, deal price, today price, prezzo richiesto, vraagprijs, precio de venta
original price: original price, was, was price, regular price, rrp, msrp, compare at, old price, uvp, list price, previous price, strike price, before, retail price, recommended price, statt
brand: brand, brand name, manufacturer, make, marke, hersteller, marque, fabricant, marca, produced by, maker, label
manufacturer: manufacturer, made by, hersteller, maker, produced by, fabricant, brand
model: model, item model number, model name, model number, modell, modèle, modelo, model code, model no
condition: condition, item condition, zustand, état, state, estado, product condition, item state
color: color, colour, farbe, couleur, finish, colorway, color finish, main color, colore, kleur, färg, colour name
size: size, größe, taille, dimensions, dimension, talla, shoe size, item size, frame size
dimensions: dimensions, dimension, size, measurement, measurements, abmessungen, maße, product dimensions, size l w h, item dimensions, package dimensions
weight: weight, item weight, gewicht, poids, net weight, gross weight, shipping weight, product weight, mass, peso
material: material, materials, made of, fabric, composition, materiau, werkstoff, outer material, upper material, main material
category: category, product category, department, kategorie, catégorie, section, item category, type, product type, product group
item number: item number, article number, listing number, ad number, listing id, item id, asin, product id, product code, anzeigennummer, anzeigen number, offer id, ad id, item ref, product number
gtin: gtin, ean, upc, barcode, isbn, ean code, ean 13, upc code, gtin ean, global trade item number, ean upc
warranty: warranty, guarantee, garantie, warranty period, manufacturer warranty, guarantee period, warranty length
features: features, key features, highlights, bullet points, about item, about this item, specifications, merkmale, product features, main features, eigenschaften, equipment, extras, included extras, included, included in box, box contents, what is included, in box, ausstattung, amenities, whats included, what's included
stock quantity: stock, in stock, quantity available, available quantity, stock quantity, units in stock, available, quantity, units available, pieces available, lagerbestand, left in stock, items left
rating: rating, customer rating, average rating, stars, review score, bewertung, score, star rating, customer review rating, average customer rating
review count: reviews, review count, number of reviews, ratings, number of ratings, bewertungen, customer reviews, rating count, total reviews, total ratings
country of origin: country of origin, country of manufacture, country region of manufacture, country region manufacture, origin, made in, herkunftsland, manufactured in, herkunft, produced in, pays d'origine, country of manufacture
return policy: return policy, returns, return, rückgabe, retours, returns policy, return period, return window, refund policy
seller: seller, sold by, let by, marketed by, agent, letting agent, seller name, verkäufer, offered by, vendor, shop, store, vendeur, anbieter, contact seller, posted by, listed by, dealer, contact, ships from and sold by
listed date: listed on, listed, posted, posted on, published, date listed, listing date, date posted, eingestellt am, online since, first listed, date published, created, listing created
description: description, details, about, about item, about home, about property, about product, item details, item description from seller, product description, item description, beschreibung, beschrieb, descripción, about product, product details, seller description, seller notes
mileage: mileage, odometer, kilometers, kilometre, km, miles, kilometerstand, distance, odometer reading, laufleistung, chilometraggio, chilometri, kilometraje, kilometrage, kilometerstand tacho
model year: model year, year, year of manufacture, production year, manufactured, baujahr, first registration year, build year, vehicle year
fuel: fuel, fuel type, kraftstoff, treibstoff, carburant, engine fuel, alimentazione, combustible, brandstof, bränsle, carburante
transmission: transmission, gearbox, getriebe, boîte, cambio, versnellingsbak, växellåda, caja de cambios
bedrooms: bedrooms, beds, br, bedroom, number of bedrooms, bed, rooms, zimmer
bathrooms: bathrooms, baths, ba, bathroom, number of bathrooms, bath
area: area, living area, floor area, size, square feet, sq ft, wohnfläche, square meters, surface, living space, floor space, usable area, internal area
energy class: energy class, energy rating, energy efficiency class, epc rating, epc, energieeffizienzklasse, energy label
alert number: alert number, alert, alert reference, case number, reference number, alert code, case id, reference, alert no, notification number, ticket, incident number, alert ref, case reference
case number: case number, case, case reference, matter number, file number, incident number, fall number, dossier, case file
alert date: alert date, raised, date raised, screened on, screening date, alert generated, generated on, generated, date of alert, alert created, created, date raised, raised, raised on, created on, created at, detection date, detected on, detected, triggered on, triggered, alert time, date generated, generated at, alert raised, alert timestamp, triggered at, date created, opened, date opened, opened on, alert created on | date, timestamp
alert type: alert type, type of alert, scenario, typology, alert category, alert name, rule type, type, category, alert classification, alert reason, fraud type, scenario name
rule: rule, rule name, triggered rule, rule triggered, scenario, scenario name, rule description, detection rule, trigger, rule id, rules triggered, monitoring rule, rule code, scenario code, rule hit
risk score: risk score, score, alert score, fraud score, risk rating score, risk points, model score, total score, customer risk score
risk level: risk level, risk rating, risk, severity, priority, customer risk, customer risk rating, risk class, risk category, alert priority, alert severity, risk grade, urgency
status: status, state, alert status, case status, order status, current status, stand, disposition, payment status, invoice status
analyst: analyst, assigned to, assignee, investigator, reviewer, handled by, case owner, owner, assigned analyst, reviewed by, prepared by, case handler, alert owner, bearbeiter
counterparty: counterparty, counterparty name, beneficiary, beneficiary name, other party, originator, remitter, recipient, receiver, counter party, transfer to, payee name
sender: sender, originator, ordering customer, remitter, sender name, ordering party, from
beneficiary: beneficiary, beneficiary name, recipient, receiver, payee, creditor, recipient name, beneficiary customer
transaction count: transaction count, number of transactions, transactions, count of transactions, no of transactions, total transactions, number transactions, transaction number, alerted transactions
transaction amount: transaction amount, amount, alert amount, alerted amount, total amount, amount of transaction, value, transferred amount, suspicious amount, total value, total transaction amount, total alerted amount, payment amount, flagged amount, aggregate amount
country: country, country code, land, pays, jurisdiction, country of residence, destination country, país, residence country, nation
occupation: occupation, profession, beruf, business activity, employment, line of business, industry, nature of business
account type: account type, type of account, product, kontoart, product type
account opened: account opened, account opening date, customer since, date opened, relationship since, account open date, opening date, client since, onboarded, onboarding date, account opened on, member since, relationship start
narrative: narrative, description, summary, details, comments, notes, reason, remarks, alert description, analyst notes, alert details, alert narrative, bemerkung, comment, note, remark, alert summary, reason for alert, additional information
purpose: purpose, payment purpose, purpose of payment, payment details, verwendungszweck, purpose of transaction, purpose of transfer
pep: pep, politically exposed person, pep status, politically exposed, pep flag
ip address: ip address, ip, client ip, device ip
device: device, device name, device id, device type
merchant category: merchant category, mcc, merchant category code, merchant type
agreement title: agreement, agreement title, contract title, contract, title, contract name, document title, agreement name
agreement number: agreement number, contract number, contract reference, agreement reference, vertragsnummer, contract ref, vertrag number, agreement ref, contract id
effective date: effective date, effective, effective as of, effective from, date of agreement, agreement date, contract date, dated as of, entered into, made as of, commencement date, start date, entered into as of, entered into on, dated, commencement, comes into force, in force from, takes effect, valid from, beginning, inkrafttreten, vertragsbeginn, made on, agreement is made
expiry date: expiry date, expiration date, end date, termination date, expires on, expires, valid until, valid to, ablaufdatum, expire, best before, use by, valid through, vertragsende, expiry, gültig bis, ends on, ending on
sign date: signature date, date signed, signed on, date of signature, execution date, date of signing, signed, signing date, executed on
term: term, initial term, contract term, duration, term of agreement, period, contract period, laufzeit, vertragsdauer, durée, lease term, agreement term, contract duration, contract length, minimum term, tenancy term, loan term, subscription term, period of contract
renewal term: renewal term, renewal period, renewal, extension, renews for, successive, additional term, successive periods
governing law: governing law, applicable law, law, governed by, governed by laws, choice of law, anwendbares recht, droit applicable, governing law and jurisdiction, governed by and construed
jurisdiction: jurisdiction, place of jurisdiction, venue, courts, gerichtsstand, for juridique, exclusive jurisdiction, forum, competent court, court
contract value: contract value, total contract value, value, contract amount, contract price, contract sum, total fee, fee, fees, purchase price, total fees, agreed price, consideration, total price, fixed fee, annual fee, license fee, retainer
monthly fee: monthly fee, monthly rent, rent, monthly payment, monthly amount, fee per month, monthly rate, monthly charge, miete, rent per month, base rent, monthly retainer, monthly installment, loyer, monthly subscription, mietzins, huur, huurprijs, renta mensual, hyra, canone, kale huur, loyer mensuel
annual fee: annual fee, yearly fee, annual subscription fee, annual amount, subscription fee, annual rent, annual charge, annual license fee
hourly rate: hourly rate, rate, rate per hour, hourly fee, per hour, stundensatz, hourly
deposit: deposit, security deposit, kaution, rental deposit, tenancy deposit, caution, down payment, mietkaution, damage deposit, waarborgsom, borg, fianza, deposition, dépôt de garantie, cauzione, dépôt
late fee: late fee, late interest, late charge, late payment fee, late payment charge, interest, late payment interest, overdue interest, interest on late payment, interest rate, default interest, late payment penalty, mahngebühr
interest rate: interest rate, rate of interest, annual interest rate, interest, zinssatz, apr, nominal rate, coupon
litres: litres, liters, litre, liter, volume, gallons, fuel volume, volume in litres
price per litre: price per litre, price per liter, price l, price litre, price per gallon, price gallon
loan amount: loan amount, principal, principal amount, amount of loan, loan, kreditbetrag, darlehensbetrag, amount borrowed
liability cap: liability cap, limitation of liability, maximum liability, cap on liability, liability limit, aggregate liability, total liability, liability limited to, liability limit amount, haftungsgrenze
party a: party a, first party, client, customer, company, disclosing party, landlord, lessor, licensor, employer, buyer, lender, supplier
party b: party b, second party, provider, contractor, supplier, receiving party, tenant, lessee, licensee, employee, consultant, seller, borrower
parties: parties, between, by and between, contracting parties, vertragsparteien, parties to agreement
landlord: landlord, lessor, property owner, vermieter, bailleur, landlord name, vermieterin, verhuurder, arrendador, hyresvärd, locatore
tenant: tenant, lessee, renter, mieter, locataire, tenant name, mieterin, tenant names, huurder, arrendatario, hyresgäst, conduttore, inquilino
guarantor: guarantor, surety, bürge, guarantor name
property address: property address, premises, property, leased premises, rental property, mietobjekt, address of property, the premises, demised premises, rented property, leased property
employee: employee, employee name, arbeitnehmer, worker, name of employee, staff member
employer: employer, employer name, arbeitgeber, company, name of employer
signatory: signatory, signed by, name of signatory, authorized signatory, by, for and on behalf of, signed for | name
witness: witness, witnessed by, witness name
prepared by: prepared by, author, written by, created by, drafted by
version: version, revision, rev, ver
page count: pages, page count, number of pages
subject: subject, betreff, objet, re, regarding, concerning, asunto, subject line
project: project, project name, projekt, project title, project code, job name, site
project number: project number, job number, project code, projektnummer
service period: service period, billing period, period, statement period, period covered, leistungszeitraum, abrechnungszeitraum, usage period, period of service, service dates, billing cycle, charge period, reporting period, review period, période, invoice period
period start: period start, period from, billing period start, from, start of period, start date, service period start, period begin
period end: period end, period to, billing period end, to, end of period, end date, service period end
contact person: contact person, contact name, contact, attention, attn, ansprechpartner, your contact, kontaktperson, contact details, account manager, point of contact, sales contact, for attention of
sales person: sales person, salesperson, sales rep, sales representative, representative, verkäufer, rep, sales contact, account manager
incoterms: incoterms, delivery terms, incoterm, shipping terms, lieferbedingungen, terms of delivery, trade terms, delivery term
tracking number: tracking number, tracking, tracking code, sendungsnummer, consignment number, airway bill, awb, bill of lading, waybill number
carrier: carrier, shipping method, ship via, shipped via, delivery method, courier, versandart, via, shipping carrier, dispatched by
check in: check in, check in date, arrival, arrival date, anreise
check out: check out, check out date, departure, departure date, abreise
room: room, room number, zimmer
nights: nights, number of nights, night
flight number: flight number, flight
license plate: license plate, registration plate, plate number, registration, vehicle registration, number plate, plate, kennzeichen, registration mark
vin: vin, vehicle identification number, chassis number, vin number
meter number: meter number, meter, zählernummer, meter serial number
serial number: serial number, serial, s n, seriennummer
notes: notes, note, remarks, comments, memo, bemerkungen, hinweis, remarque, additional notes, special instructions, comment
reverse charge: reverse charge, tax liability of recipient, vat reverse charge, steuerschuldnerschaft, reverse charge applies, recipient liable for vat, vat to be accounted for by recipient, autoliquidation, reverse charged
vat included: vat included, including vat, incl vat, vat incl, tax included, inclusive of vat, including tax, inclusive vat, prices include vat, inkl mwst, tva comprise, price includes vat, prices including vat
negotiable: negotiable, price negotiable, or best offer, obo, verhandlungsbasis, vb, open to offers
auto renewal: auto renewal, automatic renewal, auto renew, automatically renew, renews automatically, renew automatically, automatic extension, automatically extended, auto renews, automatically renewed
confidential: confidential, confidentiality, strictly confidential, confidentiality obligation
exclusive: exclusive, exclusivity, on exclusive basis
refundable: refundable, refund, refunds
free shipping: free shipping, free delivery, shipping included, shipping free, free postage, ships free, versandkostenfrei
returns accepted: returns accepted, return accepted, accept returns, returns allowed, free returns
pets allowed: pets allowed, pets permitted, pet friendly, pets, haustiere, keeping pets, pets are allowed
smoking allowed: smoking allowed, smoking permitted, smoking, rauchen
furnished: furnished, furnishing, möbliert, meublé
subletting allowed: subletting allowed, subletting permitted, subletting, sublet, untervermietung
`

// groups parses the table. The result is small and built once for a Model.
func groups() []group {
	var out []group
	for line := range strings.Lines(groupTable) {
		id, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		strong, weak, _ := strings.Cut(rest, "|")
		out = append(out, group{id: id, labels: commaList(strong), weak: commaList(weak)})
	}
	return out
}

func commaList(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
