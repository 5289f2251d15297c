package main

// The looks that documents share.

func blueSans() theme {
	return theme{family: "Helvetica", size: 9.5, accent: [3]int{28, 74, 138}, margin: 48}
}

func greenSans() theme {
	return theme{family: "Helvetica", size: 9, accent: [3]int{22, 110, 78}, margin: 42, letter: true}
}

func darkSerif() theme {
	return theme{family: "Times", size: 11, accent: [3]int{60, 40, 40}, margin: 60}
}

func usSerif() theme {
	return theme{family: "Times", size: 11, accent: [3]int{20, 20, 20}, margin: 64, letter: true}
}

func redSans() theme {
	return theme{family: "Helvetica", size: 10, accent: [3]int{150, 34, 44}, margin: 50}
}
