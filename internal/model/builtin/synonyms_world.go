package builtin

import "strings"

// worldTable adds labels of other languages to the groups of groupTable: "id: label, label / label, label", one list for each
// language; the first of a list is the group's own name in it. Single words stand in aliases already, in both spellings
// of a field name: with diacritics and without.
//
//nolint:misspell // labels of other languages
const worldTable = `
invoice number: belegnummer, rechnungsnr, rechnungs nr, beleg nr, faktura / numéro de facture, facture numéro, n° de facture, n° facture, numéro de la facture / número de factura, nº factura, factura nº, número factura simplificada, factura simplificada, factura / numero fattura, fattura n / número da fatura, fatura n, fatura recibo / factuurnummer, factuur nr
invoice date: rechnungsdatum, belegdatum, ausstellungsdatum, datum der rechnung, rechnung vom / date de facture, date de la facture, date d'émission, émise le, facture du, date facturation / fecha de factura, fecha de expedición, fecha de emisión, fecha factura, expedida el / data fattura, data di emissione, data emissione / data de emissão, data da fatura, data emissao / factuurdatum
due date: fälligkeitsdatum, fällig am, fälligkeit, zahlbar bis, zahlbar bis zum, zahlungsziel bis, zu zahlen bis, bitte überweisen bis / date d'échéance, échéance, à régler avant le, à payer avant le, payable avant le, date limite de paiement / fecha de vencimiento, vencimiento, vence el, pagadero hasta, fecha límite de pago / data scadenza, scadenza, scadenza pagamento / data de vencimento, vencimento, data limite de pagamento / vervaldatum, te betalen voor
delivery date: lieferdatum, leistungsdatum, liefertermin, geliefert am / date de livraison, livré le, livraison le / fecha de entrega, entregado el / data di consegna, data consegna / data de entrega / leverdatum, leveringsdatum
order date: bestelldatum, auftragsdatum, bestellt am / date de commande, commandé le / fecha de pedido, fecha del pedido / data ordine / data da encomenda / besteldatum
purchase order: bestellnummer, ihre bestellung, ihre bestellnummer, bestell nr, kundenauftrag / numéro de commande, bon de commande, votre commande, n° de commande, numéro du bon de commande / número de pedido, su pedido, pedido nº, nº pedido, pedido / numero ordine, vostro ordine / número da encomenda, encomenda / uw bestelling, inkoopordernummer
order number: auftragsnummer, auftrags nr, auftragsnr, auftrag / numéro de commande / número de pedido / numero ordine / número da encomenda / ordernummer
delivery note: lieferscheinnummer, lieferschein, lieferschein nr / bon de livraison, numéro du bon de livraison / albarán, número de albarán, número del albarán / documento di trasporto, ddt / guia de remessa / pakbon
quote number: angebotsnummer, angebot nr, angebots nr / numéro de devis, devis, devis n°, devis accepté, numéro du devis / número de presupuesto, presupuesto / numero preventivo, preventivo / orçamento
total: gesamtbetrag, endbetrag, rechnungsbetrag, bruttobetrag, bruttosumme, gesamtsumme, endsumme, summe brutto, summe, gesamtpreis brutto, brutto / total ttc, montant ttc, montant total, total à payer, net à payer ttc / total factura, importe total, total a pagar, total con iva, total / totale fattura, totale documento, totale da pagare, totale / total a pagar, valor total, total / totaalbedrag, totaal incl btw, totaal
subtotal: nettobetrag, nettosumme, summe netto, zwischensumme, warenwert, gesamt netto, netto, netto summe, summe der waren / total ht, montant ht, total hors taxes, montant hors taxes, sous total, base ht / base imponible, base, subtotal, importe neto, total sin iva / imponibile, totale imponibile, netto a pagare / valor líquido, base tributável, total ilíquido / subtotaal, totaal excl btw, nettobedrag
tax: umsatzsteuer, mehrwertsteuer, mwst betrag, ust betrag, steuerbetrag, enthaltene mwst, zzgl ust, zzgl mwst / montant tva, tva, total tva, montant de la tva, dont tva / cuota iva, importe iva, importe del iva, iva, cuota, cuota de iva / importo iva, iva, imposta / valor do iva, iva, total do iva / btw bedrag, btw
tax rate: steuersatz, mwst satz, ust satz, steuer satz / taux de tva, taux tva / tipo de iva, tipo iva, tipo impositivo / aliquota iva, aliquota / taxa de iva, taxa do iva / btw tarief, btw percentage
shipping: versandkosten, versand, fracht, frachtkosten, porto, porto und versand, lieferkosten / frais de port, port, frais de livraison, transport / gastos de envío, portes, transporte / spese di spedizione, spese di trasporto, trasporto / portes de envio / verzendkosten, vracht
discount: rabatt, nachlass, abzgl rabatt, abzüglich rabatt, preisnachlass / remise, réduction, rabais / descuento, dto, bonificación / sconto / desconto / korting
amount due: restbetrag, zahlbetrag, zu zahlen, offener betrag, noch zu zahlen, zu zahlender betrag, restforderung / net à payer, reste à payer, reste dû, solde à payer, montant dû / importe pendiente, saldo pendiente, pendiente de pago, importe a pagar / saldo dovuto, da pagare, resto da pagare / montante em dívida / te betalen, nog te betalen, openstaand bedrag
amount paid: bezahlt, bereits gezahlt, abschlag, abzgl abschlag, anzahlung, geleistete anzahlung, bereits bezahlt, abschlagszahlung / acompte versé, acompte, déjà réglé, déjà payé, montant réglé, à déduire acompte / anticipo, a cuenta, importe pagado, entregado a cuenta, pagado / acconto, già pagato / valor pago, adiantamento / reeds betaald, aanbetaling
previous balance: alter kontostand, alter saldo, anfangssaldo, saldovortrag / ancien solde, solde précédent, solde initial, solde antérieur / saldo anterior, saldo inicial / saldo precedente, saldo iniziale / saldo anterior / oud saldo, vorig saldo, beginsaldo
closing balance: neuer kontostand, neuer saldo, endsaldo, schlusssaldo, kontostand / nouveau solde, solde final, solde actuel / saldo final, saldo actual, nuevo saldo / saldo finale, nuovo saldo / saldo final, novo saldo / nieuw saldo, eindsaldo
balance column: saldo / solde / saldo
debit: soll, belastung, lastschrift, ausgang / débit, débits / cargo, cargos, debe, adeudo / addebito, addebiti, dare, uscite / débito / af, debet
credit: haben, gutschrift, eingang / crédit, crédits / abono, abonos, haber, ingreso / accredito, accrediti, avere, entrate / crédito / bij, tegoed
tip: trinkgeld / pourboire / propina / mancia / gorjeta / fooi
change: rückgeld, wechselgeld, zurück / monnaie rendue, rendu, rendu monnaie, à rendre / cambio, vuelto / resto / troco / wisselgeld
cash: gegeben, bar gegeben, bar, erhalten, barzahlung / espèces, montant reçu, reçu / efectivo, entregado / contanti / numerário / contant, ontvangen
vendor: rechnungssteller, verkäufer, lieferant, aussteller, absender, auftragnehmer, leistungserbringer, betrieb, firma / fournisseur, vendeur, prestataire, émetteur, émis par / proveedor, vendedor, emisor, datos del proveedor, emitida por, prestador / fornitore, venditore, cedente / fornecedor, prestador, emitente / leverancier, verkoper
customer: rechnungsempfänger, kunde, käufer, auftraggeber, empfänger, besteller, rechnung an, rechnungsadresse / client, acheteur, destinataire, facturé à, facturer à, adressé à / cliente, comprador, facturar a, datos del cliente, destinatario / cliente, acquirente, cessionario, destinatario / cliente, adquirente / klant, koper, afnemer
vendor tax number: ust idnr, ust id nr, ust idnr, umsatzsteuer id, ust id, steuernummer, steuernr, steuer nr, umsatzsteuer identifikationsnummer / numéro de tva, numéro tva, n° tva, tva intracommunautaire, n° tva intracommunautaire, numéro de tva intracommunautaire, tva intra, tva intracom / nif, cif, nif cif, c i f, n i f, nif iva / partita iva, p iva, codice fiscale, c f / nif, contribuinte, n contribuinte, nipc / btw nummer, btw nr, btw id
registration number: handelsregister, hrb, registernummer / siret, siren, rcs, numéro siret, n° siret / registro mercantil / rea / matrícula / kvk nummer, kvk
bank name: bank, kreditinstitut, bankverbindung / banque / banco, entidad / banca / banco / bank
account number: kontonummer, konto nr, kto nr / numéro de compte, n° de compte, compte n°, compte / número de cuenta, nº de cuenta, cuenta / numero conto, conto / número de conta, conta / rekeningnummer
iban: iban / iban / iban, cuenta bancaria, iban cuenta / iban / iban / iban, bankrekening
account holder: kontoinhaber, kontoinhaberin / titulaire, titulaire du compte / titular, titular de la cuenta / intestatario / titular da conta / rekeninghouder
bank branch: filiale, geschäftsstelle / agence / oficina, sucursal / filiale / agência, balcão / kantoor
payment terms: zahlungsbedingungen, zahlungsziel, zahlungsbedingung / conditions de paiement, conditions de règlement, modalités de paiement / condiciones de pago, plazo de pago / condizioni di pagamento, termini di pagamento / condições de pagamento / betalingsvoorwaarden, betaaltermijn
payment method: zahlungsart, zahlungsweise, zahlart, zahlungsform, zahlung per, bezahlt mit / mode de règlement, mode de paiement, moyen de paiement, réglé par, payé par / forma de pago, método de pago, medio de pago, pagado con / metodo di pagamento, modalità di pagamento, pagamento / forma de pagamento, método de pagamento, modo de pagamento / betaalwijze, betaalmethode
payment reference: verwendungszweck, zahlungsreferenz / référence de paiement, communication / referencia de pago / causale / referência de pagamento / betalingskenmerk
reference: aktenzeichen, unser zeichen, ihr zeichen, zeichen / référence, notre référence, votre référence, réf / referencia, su referencia, nuestra referencia / riferimento / referência / referentie, kenmerk
customer number: kundennummer, kunden nr, kundennr, kunden nummer / numéro client, n° client, code client, numéro de client / número de cliente, nº cliente, código de cliente / codice cliente, numero cliente / número de cliente, código cliente / klantnummer
currency: währung / devise, monnaie / moneda, divisa / valuta, divisa / moeda / valuta
quantity: menge, anzahl, stk, stück, mg / quantité, qté, qte, nbre / cantidad, cant, uds, unidades, ud, cant / quantità, q tà, qtà, qta / quantidade, qtd, qtde / aantal
unit price: einzelpreis, e preis, ep, preis pro einheit, stückpreis, einheitspreis, preis einheit, einzelpreis netto, satz / prix unitaire, pu, p u, pu ht, p u ht, prix unit, prix unitaire ht / precio unitario, precio, precio ud, p unit, precio unit, precio u / prezzo unitario, prezzo, prezzo unit / preço unitário, preço, preço unit / prijs, stukprijs, prijs per stuk
line amount: gesamtpreis, gp, g preis, betrag, gesamt, gesamtbetrag, summe, positionsbetrag, gesamt netto / montant, montant ht, total ht, prix total, total ligne / importe, importe línea, total línea, base / importo, totale, importo totale / valor, total, montante / bedrag, totaal
item description: bezeichnung, artikelbezeichnung, beschreibung, leistung, artikel, leistungsbeschreibung, tätigkeit, arbeit, warenbezeichnung / désignation, libellé, description, prestation, article, nature / descripción, concepto, artículo, producto, detalle / descrizione, articolo, prodotto, voce / descrição, artigo, designação, produto / omschrijving, artikel, beschrijving
sku: artikelnummer, art nr, artikel nr, artnr, artikelnr, bestellnr, materialnummer / référence, réf, code article, référence article / código, cód, referencia, ref / codice, codice articolo, cod / código, referência / artikelnummer, artikel nr
line number: pos, position, positionsnummer, pos nr, lfd nr / ligne, n° ligne / línea, nº / riga / linha / regel, nr
unit of measure: einheit, einh, me, mengeneinheit / unité, u / unidad, um / unità, um / unidade, un / eenheid
receipt number: bonnummer, bon nr, belegnummer, kassenbon nr, quittungsnummer, beleg nr, bon / numéro de ticket, numéro du ticket, ticket n°, n° de ticket, ticket, reçu n° / número de ticket, ticket nº, factura simplificada, número de factura simplificada, nº ticket, ticket, recibo / numero scontrino, documento n, scontrino n / número do recibo, recibo / bonnummer, bon nr
transaction date: buchungsdatum, buchung, buchungstag, datum / date d'opération, date opération, date / fecha de operación, fecha oper, f oper, fecha operación, fecha / data operazione, data contabile, data / data movimento, data / boekdatum, datum
value date: wertstellung, valuta, wert, wertdatum / date de valeur, valeur, date valeur / fecha valor, f valor, valor / data valuta, valuta / data valor / valutadatum
time: uhrzeit, zeit / heure / hora / ora, orario / hora / tijd
cashier: bediener, kassierer, kassiererin, es bediente sie, bedient von, sie bediente, bedienung, verkäuferin / vendeur, vendeuse, caissier, caissière, hôtesse, servi par, serveur, serveuse / camarero, camarera, cajero, cajera, le atendió, atendido por, vendedor / cassiere, operatore, cameriere / operador, funcionário, empregado / kassier, bediend door, u werd geholpen door
register: kasse, kassen nr / caisse, n° caisse / caja / cassa / caixa / kassa
table number: tisch, tisch nr / table, n° table / mesa, nº mesa / tavolo / mesa / tafel
guests: personen, gäste, anzahl gäste / couverts, nombre de couverts / comensales, cubiertos / coperti / pessoas / personen
item count: anzahl artikel, artikelanzahl, anzahl positionen / nombre d'articles, nb articles / número de artículos, artículos / numero articoli / número de artigos / aantal artikelen
merchant: geschäft, händler, laden, filiale, name des geschäfts, markt / magasin, enseigne, commerçant, boutique, nom du magasin / establecimiento, comercio, tienda / esercente, negozio, punto vendita / estabelecimento, loja / winkel
full name: name, vollständiger name, vor und nachname / nom, nom complet, nom et prénom / nombre, nombre completo, nombre y apellidos / nome, nome e cognome, nome completo / nome, nome completo / naam, volledige naam
first name: vorname / prénom / nombre de pila / nome proprio / primeiro nome / voornaam
last name: nachname, familienname / nom de famille / apellidos, apellido / cognome / apelido, sobrenome / achternaam
birth date: geburtsdatum, geb datum, geboren am, geb am, geboren / date de naissance, né le, née le / fecha de nacimiento, nacido el, nacida el / data di nascita, nato il, nata il / data de nascimento / geboortedatum, geboren op
email: e mail adresse / adresse e mail, courriel, adresse électronique / correo electrónico, correo, dirección de correo / posta elettronica, indirizzo e mail / correio eletrónico / e mailadres
phone: telefon, telefonnummer, tel, rufnummer, rückrufnummer / téléphone, tél, numéro de téléphone / teléfono, tfno, número de teléfono, tlf / telefono, numero di telefono / telefone, telemóvel / telefoon, telefoonnummer
website: webseite, internet / site web, site internet / página web, sitio web / sito web, sito / sítio / website
address: anschrift, adresse / adresse / dirección, domicilio / indirizzo / morada, endereço / adres
location: ort, standort / lieu, ville / lugar, localidad, ciudad / luogo, città / local, cidade / plaats
position: berufsbezeichnung, stelle, tätigkeit als, funktion / poste, fonction / puesto, cargo / mansione, posizione / cargo, função / functie
start date: beginn, vertragsbeginn, von, startdatum, mietbeginn, gültig ab, beginn des zeitraums, eintritt, eintrittsdatum, ab / date de début, date d'effet, date de prise d'effet, début, prise d'effet, du, à compter du / fecha de inicio, inicio, desde, fecha inicio / data di inizio, inizio, data inizio, decorrenza / data de início, início / ingangsdatum, begindatum
end date: ende, vertragsende, bis, enddatum, mietende, gültig bis, ablauf, ende des zeitraums / date de fin, fin, au, jusqu'au, date d'échéance du contrat / fecha de fin, fin, hasta, fecha fin, finalización / data di fine, fine, data fine / data de fim, fim, até / einddatum
effective date: vertragsbeginn, inkrafttreten, in kraft ab, mietbeginn / date d'effet, date de prise d'effet, prise d'effet, entrée en vigueur / fecha de entrada en vigor, entrada en vigor, fecha de efecto / data di decorrenza, decorrenza / data de entrada em vigor / ingangsdatum
expiry date: ablaufdatum, vertragsende, gültig bis, haltbar bis / date d'expiration, valable jusqu'au, date de fin / fecha de caducidad, válido hasta, fecha de vencimiento del contrato / data di scadenza, valido fino al / data de validade, válido até / vervaldatum, geldig tot
sign date: datum der unterschrift, unterzeichnet am, unterschrieben am / date de signature, signé le, fait le / fecha de firma, firmado el / data firma, firmato il / data de assinatura / getekend op
term: laufzeit, vertragsdauer, dauer, vertragslaufzeit, mietdauer / durée, durée du contrat, durée du bail / duración, plazo, vigencia, duración del contrato / durata, durata del contratto / duração, prazo / looptijd, duur
notice period: kündigungsfrist / préavis, délai de préavis / preaviso, plazo de preaviso / preavviso, termine di preavviso / aviso prévio, pré aviso / opzegtermijn
agreement number: vertragsnummer, vertrags nr, vertrag nr, vertragsnr / numéro de contrat, contrat n°, numéro du contrat / número de contrato, contrato nº / numero contratto, contratto n / número do contrato, contrato n / contractnummer
agreement title: vertrag / contrat / contrato / contratto / contrato / overeenkomst
subject matter: gegenstand, vertragsgegenstand, gegenstand des vertrags / objet, objet du contrat / objeto, objeto del contrato / oggetto, oggetto del contratto / objeto, objeto do contrato / onderwerp
governing law: anwendbares recht / droit applicable / ley aplicable, derecho aplicable / legge applicabile / lei aplicável / toepasselijk recht
jurisdiction: gerichtsstand / tribunal compétent, juridiction compétente, tribunaux compétents, for / fuero, jurisdicción, tribunales competentes / foro competente, foro / foro, tribunal competente / bevoegde rechter
monthly fee: monatliche vergütung, miete, monatsmiete, kaltmiete, monatliche miete, nettokaltmiete / loyer mensuel, loyer, loyer hors charges, mensualité / renta mensual, renta, cuota mensual, alquiler, alquiler mensual / canone mensile, canone / renda mensal, renda, mensalidade / maandhuur, huur
hourly rate: stundensatz, stundenlohn / taux horaire, tarif horaire / tarifa por hora, precio hora / tariffa oraria / tarifa horária / uurtarief
deposit: kaution, mietkaution, sicherheitsleistung / dépôt de garantie, caution / fianza, depósito / deposito cauzionale, cauzione / caução, depósito / borg, waarborgsom
liability cap: haftungssumme, haftungshöchstsumme, haftungsgrenze, deckungssumme / plafond de responsabilité / límite de responsabilidad / limite di responsabilità / limite de responsabilidade / aansprakelijkheidslimiet
late fee: vertragsstrafe, mahngebühr, verzugszinsen, verzugspauschale / pénalité, pénalités de retard, pénalités, indemnité de retard / penalización, recargo, intereses de demora / penale, mora, interessi di mora / penalidade, juros de mora / boete, vertragingsrente
property address: mietobjekt, objekt, mietsache / adresse du logement, logement, bien loué / inmueble, vivienda, finca / immobile / imóvel / gehuurde
area: wohnfläche, fläche, nutzfläche / surface, surface habitable / superficie, superficie útil / superficie / área / oppervlakte
employee: mitarbeiter, mitarbeiterin, arbeitnehmer, arbeitnehmerin / salarié, salariée, employé / trabajador, empleado, trabajadora / lavoratore, dipendente / trabalhador, empregado / werknemer, medewerker
employer: arbeitgeber / employeur / empleador, empresa / datore di lavoro / entidade patronal, empregador / werkgever
gross pay: gesamtbrutto, bruttolohn, bruttogehalt, bruttoverdienst, brutto / salaire brut, brut / salario bruto, total devengado, bruto / retribuzione lorda, lordo / salário bruto / brutoloon
net pay: nettoverdienst, nettolohn, nettogehalt, netto / salaire net, net payé, net imposable / salario neto, neto / retribuzione netta, netto / salário líquido / nettoloon
payout: auszahlungsbetrag, auszahlung, überweisung / net à payer, net payé / líquido a percibir, líquido total / netto in busta / líquido a receber / uitbetaling
employee number: personalnummer, personal nr, pers nr, personalnr / matricule / número de empleado / matricola / número de funcionário / personeelsnummer
contact person: ansprechpartner, ansprechpartnerin, kontaktperson, z hd, zu händen, kontakt / interlocuteur, contact, à l'attention de, personne à contacter / persona de contacto, contacto, a la atención de / persona di contatto, referente, alla c a / pessoa de contacto, contacto / contactpersoon, t a v
handler: sachbearbeiter, sachbearbeiterin, bearbeiter, bearbeiterin, bearbeitet von, ihr bearbeiter / conseiller, gestionnaire, votre conseiller, chargé de clientèle, suivi par / gestor, tramitador, agente / addetto, operatore / gestor / behandelaar
subject: betreff / objet / asunto / oggetto / assunto / onderwerp, betreft
project: projekt, bauvorhaben, baustelle / projet, chantier / proyecto, obra / progetto, cantiere / projeto, obra / project
service period: leistungszeitraum, abrechnungszeitraum, zeitraum, abrechnungsmonat, monat / période, période de facturation, mois / periodo, periodo de facturación, mes / periodo, periodo di riferimento, mese / período, mês / periode, maand
claim number: schadennummer, schaden nr, schadensnummer / numéro de sinistre, n° de sinistre, sinistre n° / número de siniestro, siniestro nº / numero sinistro / número do sinistro / schadenummer
policy number: versicherungsscheinnummer, policennummer, versicherungsnummer, vertragsnummer / numéro de police, numéro de contrat, n° de contrat, police n° / número de póliza, póliza nº, póliza / numero polizza, polizza n / número da apólice / polisnummer
insured: versicherungsnehmer, versicherter, versicherte / assuré, assurée, nom de l'assuré, souscripteur / asegurado, asegurada, tomador / assicurato, contraente / segurado / verzekerde
loss date: schadentag, schadendatum / date du sinistre, date de sinistre, survenu le / fecha del siniestro / data del sinistro / data do sinistro / schadedatum
excess: selbstbeteiligung, selbstbehalt / franchise / franquicia / franchigia / franquia / eigen risico
status: status, stand / statut, état / estado / stato / estado / status
priority: priorität, dringlichkeit / priorité, urgence / prioridad, urgencia / priorità / prioridade / prioriteit
license plate: kennzeichen, amtliches kennzeichen / immatriculation, plaque / matrícula / targa / matrícula / kenteken
mileage: kilometerstand, km stand / kilométrage / kilometraje, kilómetros / chilometraggio, chilometri / quilometragem, quilómetros / kilometerstand
vehicle: fahrzeug / véhicule / vehículo / veicolo / veículo / voertuig
notes: bemerkung, bemerkungen, anmerkung, hinweis / remarques, remarque, observations / observaciones, notas / note, osservazioni / observações / opmerkingen
statement number: auszugsnummer, auszug nr, kontoauszug nr, auszug nummer / relevé n°, numéro de relevé / extracto nº, número de extracto / estratto conto n, numero estratto / extrato n / afschriftnummer, afschrift nr
total debits: summe belastungen / total des débits, total débits / total cargos, suma de cargos / totale addebiti / total débitos
total credits: summe gutschriften / total des crédits, total crédits / total abonos, suma de abonos / totale accrediti / total créditos
overdraft limit: dispolimit, dispositionskredit, eingeräumte kontoüberziehung, kreditlinie / découvert autorisé / descubierto autorizado, límite de descubierto / fido, scoperto autorizzato / descoberto autorizado / kredietlimiet
withholding: steuerabzug / retenue à la source / retención, irpf / ritenuta, ritenuta d'acconto / retenção
`

// worldAliases are words of other languages for the words of labels, without diacritics.
//
//nolint:misspell // words of other languages
const worldAliases = `nom=name nombre=name nome=name naam=name namn=name adresse=address anschrift=address direccion=address indirizzo=address
endereco=address adres=address telefon=phone telefono=phone telefone=phone telefoon=phone datum=date fecha=date facture=invoice rechnung=invoice
factura=invoice fattura=invoice fatura=invoice factuur=invoice faktura=invoice kunde=customer cliente=customer klant=customer preis=price
prix=price precio=price prezzo=price preco=price prijs=price menge=quantity cantidad=quantity quantite=quantity quantita=quantity
quantidade=quantity aantal=quantity betrag=amount montant=amount importe=amount importo=amount bedrag=amount belopp=amount beschreibung=description
descripcion=description descrizione=description descricao=description omschrijving=description konto=account compte=account cuenta=account
rekening=account divisa=currency moneda=currency moeda=currency valuta=currency devise=currency vertrag=contract contrat=contract contrato=contract
contratto=contract lieferant=supplier fournisseur=supplier proveedor=supplier fornitore=supplier leverancier=supplier fornecedor=supplier
verkaufer=seller vendeur=seller vendedor=seller verkoper=seller emetteur=issuer emisor=issuer emittente=issuer emitente=issuer kaufer=buyer acheteur=buyer
comprador=buyer acquirente=buyer bestellung=order commande=order pedido=order encomenda=order bestelling=order zahlung=payment paiement=payment
reglement=payment pago=payment pagamento=payment betaling=payment referenz=reference referencia=reference riferimento=reference rabatt=discount
remise=discount descuento=discount sconto=discount desconto=discount korting=discount versicherung=insurance assurance=insurance seguro=insurance`

// worldNoise are articles and prepositions inside labels of other languages.
const worldNoise = "de du des der die das dem den del la le les el los las il lo della dello di da"

// language is one list of worldTable.
type language struct {
	labels  []string
	phrases []phrase
	words   [][]string
}

// worldGroups parses worldTable: lists of labels by the id of their group, and the ids in the table's order.
func worldGroups() (ids []string, lists map[string][]language) {
	lists = map[string][]language{}
	for line := range strings.Lines(worldTable) {
		id, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		ids = append(ids, id)
		for part := range strings.SplitSeq(rest, "/") {
			lists[id] = append(lists[id], language{labels: commaList(part)})
		}
	}
	return ids, lists
}
