"""The classes of the built-in model: groups of drawings, and single drawings by name.

A group is drawn as any of its drawings. A single class is one drawing, or the few that a person would
call by one name: skin tones and genders of a person, a cat and its face. Commas separate synonyms.
"""

import re

# Groups: subgroups of emoji-test.txt, and a pattern for names.
GROUPS = {
    "face, smiley, emoticon": (
        "face-smiling face-affection face-tongue face-hand face-neutral-skeptical face-sleepy"
        " face-unwell face-hat face-glasses face-concerned", ""),
    "cat, kitten": ("cat-face animal-mammal", r"\bcat\b"),
    "heart": ("heart", r"heart"),
    "hand, gesture": (
        "hand-fingers-open hand-fingers-partial hand-single-finger hand-fingers-closed hands", ""),
    "body part": ("body-parts", ""),
    "person": ("person person-role", ""),
    "animal, mammal": ("animal-mammal", ""),
    "birds": ("animal-bird", ""),
    "reptile": ("animal-reptile animal-amphibian", ""),
    "sea animal": ("animal-marine food-marine", ""),
    "insect": ("animal-bug", ""),
    "flower": ("plant-flower", ""),
    "plant": ("plant-other", ""),
    "fruit": ("food-fruit", ""),
    "vegetable": ("food-vegetable", ""),
    "food, meal": ("food-prepared food-asian", ""),
    "sweets, dessert": ("food-sweet", ""),
    "drink, beverage": ("drink", ""),
    "landscape": ("place-map place-geographic", ""),
    "building": ("place-building place-religious", ""),
    "city": ("place-other", ""),
    "vehicle": ("transport-ground", ""),
    "boat, watercraft": ("transport-water", ""),
    "aircraft": ("transport-air", ""),
    "clock": ("time", r"o.clock|thirty|clock$"),
    "moon": ("sky-and-weather", "moon"),
    "weather": ("sky-and-weather", "^(?!.*moon)"),
    "party, celebration": ("event", ""),
    "medal": ("award-medal", "medal"),
    "sport": ("sport", ""),
    "game, toy": ("game", ""),
    "clothes, clothing": ("clothing", ""),
    "sound": ("sound music", ""),
    "musical instrument": ("musical-instrument", ""),
    "device, electronics": ("phone computer light-and-video", ""),
    "book": ("book-paper", "book"),
    "money": ("money", ""),
    "mail, post": ("mail", ""),
    "writing, stationery": ("writing office", ""),
    "tool": ("tool", ""),
    "science": ("science medical", ""),
    "household, furniture": ("household", ""),
    "sign": ("transport-sign warning", ""),
    "arrow": ("arrow", ""),
    "religion": ("religion", ""),
    "zodiac, star sign": ("zodiac", ""),
    "media button": ("av-symbol", ""),
    "keycap, button": ("keycap alphanum", ""),
    "geometric, shape": ("geometric", ""),
    "symbol": ("math punctuation currency gender other-symbol emotion", ""),
    "flag": ("country-flag subdivision-flag flag", ""),
}

# Subgroups of which each drawing is a class, and a pattern for names.
SINGLES = {
    subgroup: ""
    for subgroup in """
    face-smiling face-affection face-tongue face-hand face-neutral-skeptical face-sleepy face-unwell
    face-hat face-glasses face-concerned face-negative face-costume cat-face monkey-face heart emotion
    hand-fingers-open hand-fingers-partial hand-single-finger hand-fingers-closed hands hand-prop
    body-parts person person-gesture person-role person-fantasy person-activity person-sport
    person-resting family person-symbol animal-mammal animal-bird animal-amphibian animal-reptile
    animal-marine animal-bug plant-flower plant-other food-fruit food-vegetable food-prepared
    food-asian food-marine food-sweet drink dishware place-map place-geographic place-building
    place-religious place-other transport-ground transport-water transport-air hotel event award-medal
    sport game arts-and-crafts clothing sound music musical-instrument phone computer light-and-video
    book-paper money mail writing office lock tool science medical household other-object warning
    religion zodiac flag
    """.split()
} | {
    "time": r"^(?!.*(o.clock|thirty))",
    "sky-and-weather": "",
    "geometric": r"^(red|orange|yellow|green|blue|purple|brown|black|white) (circle|square)",
    "arrow": r"^(up|down|left|right) arrow$",
    "keycap": r"[0-9]",
    "other-symbol": r"recycling|check mark|cross mark|copyright|trident|fleur|sparkle",
    "punctuation": r"^red",
    "math": r"infinity",
    "country-flag": (
        r": (Argentina|Australia|Austria|Bangladesh|Belgium|Brazil|Canada|Chile|China|Colombia|Cuba"
        r"|Czechia|Denmark|Egypt|Estonia|Finland|France|Germany|Greece|Hungary|Iceland|India|Indonesia"
        r"|Iran|Iraq|Ireland|Israel|Italy|Jamaica|Japan|Kenya|Latvia|Lithuania|Luxembourg|Mexico|Morocco"
        r"|Netherlands|New Zealand|Nigeria|Norway|Pakistan|Peru|Philippines|Poland|Portugal|Romania"
        r"|Russia|Saudi Arabia|South Africa|South Korea|Spain|Sweden|Switzerland|Thailand|T.rkiye"
        r"|Turkey|Ukraine|United Kingdom|United Nations|United States|European Union|Vietnam)$"),
    "subdivision-flag": "",
}

# What a person would say, for names of the list; also where it makes two drawings one class.
SPOKEN = {
    "dog face": "dog", "guide dog": "dog", "service dog": "dog", "tiger face": "tiger",
    "horse face": "horse", "cow face": "cow", "pig face": "pig", "mouse face": "mouse",
    "rabbit face": "rabbit", "monkey face": "monkey", "dragon face": "dragon", "spouting whale": "whale",
    "two-hump camel": "camel", "bat": "bat animal", "front-facing baby chick": "chick", "baby chick": "chick",
    "hatching chick": "chick", "oncoming bus": "bus", "oncoming taxi": "taxi",
    "oncoming police car": "police car", "oncoming automobile": "automobile",
    "merman": "mermaid", "merperson": "mermaid", "new moon face": "moon with face",
    "full moon face": "moon with face", "first quarter moon face": "moon with face",
    "last quarter moon face": "moon with face", "waxing crescent moon": "crescent moon",
    "waning crescent moon": "crescent moon", "first quarter moon": "half moon",
    "last quarter moon": "half moon", "waxing gibbous moon": "gibbous moon",
    "waning gibbous moon": "gibbous moon", "cat face": "cat pet", "cat": "cat pet",
    "globe showing Europe-Africa": "globe", "globe showing Americas": "globe",
    "globe showing Asia-Australia": "globe", "boy": "child", "girl": "child",
    "snowman without snow": "snowman", "beer mug": "beer", "clinking beer mugs": "beer",
    "camera with flash": "camera", "hourglass not done": "hourglass", "hourglass done": "hourglass",
    "open mailbox with raised flag": "mailbox", "open mailbox with lowered flag": "mailbox",
    "closed mailbox with raised flag": "mailbox", "closed mailbox with lowered flag": "mailbox",
    "magnifying glass tilted left": "magnifying glass", "pregnant man": "pregnant person",
    "magnifying glass tilted right": "magnifying glass", "pregnant woman": "pregnant person",
    "sun behind small cloud": "sun behind cloud", "sun behind large cloud": "sun behind cloud",
    "speaker low volume": "speaker", "speaker medium volume": "speaker",
    "speaker high volume": "speaker", "breast-feeding": "feeding baby", "prince": "prince or princess",
    "princess": "prince or princess", "old man": "older person", "old woman": "older person",
    "star": "yellow star", "ring": "ring jewel", "drum": "drum instrument", "mage": "wizard",
    "key": "key of a lock", "old key": "key of a lock", "Turkey": "Türkiye", "person": "adult",
}

# Further names.
SYNONYMS = {
    "dog": "puppy", "cat pet": "house cat", "chick": "baby chicken", "automobile": "car",
    "sport utility vehicle": "suv", "articulated lorry": "truck, lorry", "locomotive": "steam train",
    "airplane": "plane, aeroplane, jet", "passenger ship": "cruise ship", "sailboat": "sailing boat",
    "flying saucer": "ufo", "bicycle": "bike", "motorcycle": "motorbike", "hamburger": "burger",
    "french fries": "fries, chips", "steaming bowl": "ramen, noodles", "soft ice cream": "ice cream cone",
    "doughnut": "donut", "birthday cake": "cake", "hot beverage": "coffee, tea",
    "cocktail glass": "cocktail, martini", "wine glass": "wine", "bottle with popping cork": "champagne",
    "red apple": "apple", "ear of corn": "corn, maize", "eggplant": "aubergine",
    "grinning face": "smile, happy", "face with tears of joy": "lol, laughing",
    "smiling face with sunglasses": "cool", "thinking face": "thinking", "crying face": "sad, crying",
    "angry face": "angry", "sleeping face": "asleep", "winking face": "wink",
    "smiling face with heart-eyes": "in love", "face blowing a kiss": "kiss face",
    "face screaming in fear": "scream", "nerd face": "nerd", "clown face": "clown",
    "pile of poo": "poop, poo", "skull": "death", "jack-o-lantern": "pumpkin, halloween",
    "wrapped gift": "gift, present", "soccer ball": "football, soccer", "bullseye": "darts, target",
    "game die": "dice", "artist palette": "palette, art", "performing arts": "theatre, theater",
    "red heart": "love", "collision": "explosion, bang", "high voltage": "lightning, bolt",
    "droplet": "water drop", "water wave": "wave, sea", "sparkles": "stars", "glowing star": "bright star",
    "snow-capped mountain": "snowy mountain", "mount fuji": "fuji", "lady beetle": "ladybug, ladybird",
    "honeybee": "bee", "evergreen tree": "fir, pine tree", "deciduous tree": "tree",
    "light bulb": "lamp, idea", "mobile phone": "phone, smartphone", "laptop": "computer, notebook computer",
    "television": "tv", "locked": "lock", "closed book": "red book", "high-heeled shoe": "high heels",
    "running shoe": "sneaker", "gem stone": "gem, diamond", "glasses": "spectacles",
    "cityscape at dusk": "skyline", "classical building": "museum", "house": "home",
    "Santa Claus": "santa, father christmas", "police officer": "policeman, policewoman",
    "cook": "chef", "wizard": "magician", "running": "runner", "swimming": "swimmer",
    "surfing": "surfer", "dancing": "dancer", "health worker": "doctor, nurse",
    "technologist": "programmer", "thumbs up": "like", "thumbs down": "dislike", "waving hand": "hello",
    "OK hand": "perfect", "folded hands": "pray, thanks", "flexed biceps": "muscle, strong",
    "T-Rex": "tyrannosaurus", "sauropod": "dinosaur", "tropical fish": "aquarium fish",
    "blowfish": "pufferfish", "recycling symbol": "recycling", "check mark button": "green check",
    "red question mark": "question mark", "red exclamation mark": "exclamation mark",
    "flag United States": "flag USA", "flag United Kingdom": "flag UK", "flag Türkiye": "flag Turkey",
    "chequered flag": "racing flag", "triangular flag": "red flag", "pirate flag": "jolly roger",
    "video game": "gamepad", "teddy bear": "teddy", "musical keyboard": "piano",
    "studio microphone": "podcast", "headphone": "headphones", "umbrella with rain drops": "rain umbrella",
    "police car light": "siren", "horizontal traffic light": "traffic light", "envelope": "letter",
    "coin": "gold coin", "money bag": "dollars", "balance scale": "scales, justice",
    "broken heart": "heartbreak", "hundred points": "100 points", "crown": "king, queen",
    "kiwi fruit": "kiwi", "piñata": "pinata", "cut of meat": "steak", "poultry leg": "chicken leg",
    "cooking": "fried egg", "yin yang": "yin-yang", "star of David": "jewish star",
}

_PERSON = re.compile(r"^(woman and man|deaf|person|people|woman|women|man|men)\b ?")


def single_name(subgroup, name):
    """The class of one drawing, without synonyms; None if it has none of its own.

    Skin tones and genders are left out of the name.
    """
    pattern = SINGLES.get(subgroup)
    if pattern is None or not re.search(pattern, name):
        return None
    if "flag" in subgroup and ": " in name:
        country = name.split(": ")[1]
        return "flag " + SPOKEN.get(country, country)
    if subgroup == "keycap":
        return "digit " + name.split(": ")[1]
    base, _, detail = name.partition(": ")
    parts = [part for part in detail.split(", ") if part and "skin tone" not in part]
    if subgroup in ("person", "person-role") and parts and base in ("person", "man", "woman"):
        return parts[0] if parts[0] != "beard" else "bearded person"
    if subgroup.startswith("person-") or subgroup == "family":
        if base.startswith("deaf "):
            base = "deaf person"
        elif _PERSON.sub("", base):
            base = _PERSON.sub("", base)
    base = SPOKEN.get(base, base)
    return re.sub("[‘’]", "'", re.sub("[“”:]", "", base))


def with_synonyms(name):
    """The name of a class with its synonyms, which are the name of its folder."""
    return ", ".join([name, SYNONYMS[name]] if name in SYNONYMS else [name])


def groups(subgroup, name):
    """The groups of a drawing."""
    if "skin tone" in name:
        return
    for group, (subgroups, pattern) in GROUPS.items():
        if subgroup in subgroups.split() and re.search(pattern, name):
            yield group
