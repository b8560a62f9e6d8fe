#!/usr/bin/env python3
"""Makes the word list of the codes: crates/sockeye-proto/src/pairing/words.rs

Source: the SCOWL lists of Debian's package `scowl` (apt-get install scowl), sizes 10 to 35: the commonest English
words. The same lists give the same file. Run from anywhere:

    python3 scripts/make-words.py [--check]

A word is taken if it
  - has 4 to 7 letters, all of them a to z;
  - is a word by itself: no plural, past tense, -ing form or adverb of a word in the lists;
  - is not on the block list below (nothing rude, violent, sexual, about illness, drugs, religion or peoples, and
    nothing that sounds like another word that was taken);
  - begins with four letters that no word taken before begins with;
  - is two slips away from every word taken before, where a slip is a letter replaced, left out or put in, or two
    neighbours exchanged.

Commoner and shorter words come first, so they win. Of all that qualify the first COUNT are kept and sorted. The two
words of the example in the documentation are always among them.
"""

import re
import sys
from pathlib import Path

LISTS = Path("/usr/share/dict/scowl")
SIZES = (10, 20, 35)
TARGET = Path(__file__).resolve().parent.parent / "crates/sockeye-proto/src/pairing/words.rs"
COUNT = 2048  # eleven bits a word
PREFIX = 4

# Anything that contains one of these.
BLOCKED_PARTS = """
anal anus arse bastard bitch bomb bondage boob booze bowel breast bugger bullet butt castrat chink clit cock cocaine
coffin coon corpse cripple crotch cunt damn dead death devil dick dike dildo drug dyke erect erotic fag fart fascis
fatal feces fetish fetus fuck gay genital genocid groin gun hell heroin hitler homo hooker idiot incest infect injure
jerk jew jihad kill knife lesb lust lynch masturb maim molest moron murder muslim naked nazi negro nigg nipple
nude orgasm orgy overdos paki pee penis perver piss poison poo porn prick prostit psycho pube puke pussy queer racis
rape rapist rectum retard satan scrotum semen sex shag shit shoot sissy slaught slave sleaz slut sodom sperm spic
stab strangl suicid swastika terror testic thug tit toilet tortur tramp trans turd urin vagina venere victim
violen virgin vomit vulva wank weapon whore wog wound
""".split()

# These words exactly.
BLOCKED_WORDS = """
abbey abbot abduct abet abhor abort about above abuse abusive abysmal abyss according accrue acre across addict
adroit adult afraid after again against aghast agony ahead aisle albeit albino alcohol alga alien allowed allude
ally almost alms along already also although always ammo amok among anarchy anemia angel angry angst anguish ankle
annals anoint anon anorak another anxious any anybody anyhow anyone anyway apathy aplomb archer ardent argue arisen
armpit army arose around arrest arson artery ascend ascent ascii ashamed ashcan aside askew assail assault assay
assert asset assume asthma astute asylum atheism atheist atone attack aunt avenge away awful awoken awry axed axes
axing axis back bald ball balls balm bang barb bare barf barman bass basset bawdy bawl bayonet bayou beach bean
beast beat became because become bedbug bedroom been beer beeves befall befell before began beggar begin begun
behead beheld behind being below bemoan bemuse beneath benign berry berth beside besides bet betcha bettor between
beyond bible bidden bier bigamy bigot bigotry bikini biped bird bishop bison bitten black bladder blade blast
blatant bleat bleed blew blind blitz blood bloody blow blown blurb board boarder bodice body boner bong bony booty
booze bore boredom born borne bosom boss bossy botch both bough bought bovine bowl bra brain brake brass brassy brat
bread bred breech breed bribe bridal broke broken broth brothel brought brown browse brutal brute buddy buggered
buggy bugle bully bump bunion burnt burp burro bury bust butcher buxom byte cache cacti cadet cagey cagier cajole
came cancer canine canker cannon cannot capital captor carcass carnal casino cassock catholic catnap caucus caught
caulk ceiling cell cent cereal chafe char cheat cheep chick chief choke chord chose chosen christ chubby chug church
cigar cite clammy clan clap clef clergy climax clinic cloven coarse coerce cogent cold colon colonel colony combat
coming condemn condom convict cop corset cough could council coup covet coward crack crap crash crass crazy creak
creed creep cretin crews crime crock crofts croon cross crowd crude cruel cruelty cruise crush cuckoo cult cumming
cums curfew currant curse cutter cyst czar daemon daft dagger dago dais dally darling daub daunt daytime deacon deaf
dear deaves debt decay defeat deity demise demon deny deprave depress deprive derange deride descend desert desire
despair despise despite despot destroy die dimwit dingy dirge dirt dirty disease disgust dislike dismal ditto divine
divorce doctor dodo does doily dole done doom dope dopey dopier dorsal dose dough dowdy down draft drawn drew drink
driven drool drown drowse drug drunk drunken dual dubious dumb dummy dumpy dung dunno duress during dusky dwarf
dying each easter eaten eczema eerie effigy egoism either elite else elsewhere emacs email embalm embargo emir
empire enema enemy enmity enough ergo ethos eulogy euro even ever every evil ewe except execute exhume exile exodus
explode exploit extant fail faint fair fake fallacy fallen false fanatic fanny fate fatty fatuous faucet fear feat
feces fecund feed feint felon felony felt fern fester feted fetid feting fetter feud fever fiche fight filch filth
fire flabby flail flair flame flea fled flesh fleshy flew flirt flog flour flown flung fogy foible foist fondle fool
foolish forbade forbid fore foreign forgave forgot forth fought foul found fowl fracas fraud freak french friar
fright from froze frozen fugitive funeral fungi furor futile gaiety gait gamble gang garish gas gasp gate gaudy gave
gavel gawk gawky geese geld gender genera genii genius genre german ghastly ghetto ghost ghoul giant gibber gibe
gimme girl given glass gnarl gnash god goes going gone gonna goody gooier gore gosh gospel gotten gouty grab grass
grave greed grew grief grime grimy gripe grisly groan grope gross grown gruel gruff guard guest guilt guilty gulch
gullet gully guppy gutter gyrate hair hall halve hang harass harem harlot harm hart hate hatred haul have having
havoc hazy heal hear heard heathen heaven heir held hence here hereby herein heresy heretic hernia heroine herpes
hers herself hiatus hid hidden hijack himself hoarse hoax hobnob hobo hole holler holy homage homier honky honor
hoof hooves horde horny horrid horrify horror hospital hostage hostile however html http hump hung hurl hurt hutch
hyena hymn hymnal idle idol ill illegal imam immense immigrant immoral immune impel impend impish impulse impure
inane inborn inbred incite indeed indict inept inertia infamy infant infer infest infix inflict influx info infuse
injury inky inlaid inlay inmate innate insane insofar instead insult into invade irate islam isle itch itchy itself
jail jalopy jeer jesus jibe jiffy jilt joint junkie junta just kept kernel kick kidnap kidney kilobyte kinda kinky
knead knelt knew knicker knight knock knoll knot know known laden lady laid lain lair lame lance lanky lass lazy
leach lead leak leapt learnt least leech leer leery left legal lemme lent leper lesbian less lessen lest lethal
liaison liar lice lieu like lisp liver livid llama loan loath loony lorry loser loss louse lousy lout lover lump
lunatic lung lurk lying lymph lyre made maggot maid maiden mail main maize male mama mane mania maniac many maria
marine marital massive mate maul mauve maybe mealy meant meat mecca medal medic menace mental meow mercy mere mess
messiah met metal mettle midget mien might mince mine miner minor minority miser misery mislead misled misread
missile mistress misuse mitt moan mob mock modem moldy molt monk monster more moreover morning mosque mosquito most
mount mourn mouth much mucus multi mumps mundane murky muscle mussel must mutt myself mystic naive nasty native
naughty naval navel near nearby negate neigh neither nerd never newline newsy next night ninny nippy noes none noose
nope nor nothing nova nudge null numb nun nurse nuts nutty nymph oases obese oblige octal offend offhand often ogle
okra omen once oneself only onto onus ooze opium oppress oral organ other otherwise ought ours outcry outrage ovary
over ovum pagan paid pail pain painful pair palate pale palette panic pansy pants panty papa papal parish parity
parka parody parole passed passive paste pastor patience patient pause paws peace peak peal pear peasant pedal
pedant peer peeve pelt pended pends perhaps peril period pesky petal petty phase phlegm phrase pier pill pimp pimple
pious pique pistol pithy plague plain plane pleas plum plump poker poky pole police polyp pompous poor pope pork pot
pour poverty pram pray prayer preach pregnant prey priest principal principle prison profit prophet protest prowl
prude prune psalm pseudo psych pubic pudgy punch punish punk punt puny pure purge purr pus puss putt quack quail
quark quart quash quay quell query quibble quit quite rabbi race racial racy rage raid rain raise rang ransom rapt
rat rather rattle rays read real rebel redid reed reel refugee regime reject reread retch revenge review rib ridden
rifle ring riot ripe risen roach rob rocket rode rodent rogue role roll roman romance root rope rose rot rotten
rough rubber rude ruff ruin rung runt russian saber sacred sad said sail saint sale saliva same sang sank sari sassy
savage scab scalpel scare scene scent scoff scold scotch scour scowl scream screw scrub scuff scum seam seas secrete
sedan seduce seed seedy seem seen segue sent sergeant serial sermon servant several sewn shady shaken shall sham
shame shareware shirk shoal shock shone shook shot should shove shown shrank shred shrew shrug shuck sick sicken
sidle siege sight silly sin since sinew sinful sinus sirius sirs sissy site skein skew skin skulk skull slain slant
slap slash slay sled sleigh slept slew slid slime slip slosh slow slug slush sly smash smelly smirk smoke smote smug
snatch sneaky sneeze snide snipe sniper snot snub soar sod sold soldier sole some somehow someone sordid sort sought
soul sour spank spasm spear spelt spent spew spigot spit spite spleen spoke spoken sprang sprung spun spy squat
staid stain stair stake stalk stank starve stationery steak steal steel stereo sterile stiff stile stink stodgy
stole stolen stomach stone stood stool straight stricken strip stroke strove struck stuck studly stupid stutter such
suck suds sue suffer suite sulky sundae sundry sung surgeon surgery surname swam swear sweat sweet swept sword swore
sworn swum swung syringe tablet taboo tacky tail taken tale tangent tank tatty taught taut tear tease tedious teen
teenage telnet temple tendon terrify terse than that theatre theft their theirs them themselves then thence there
thereof these thesis they thief thieve thigh thing this thong those though threat threw throat throne through thrown
thru thrust thus tick tide tied tiff till tipsy toad tobacco toga together told tomb tonne took tool tore torment
torn touch tout tow toward towards toy tragedy tragic traitor trap trash treason trek trial tribe trifle trinity
trod troop trouble troupe truss tryst tsar tubby tuft tumor tumour twee twit tying typeset tyrant ugly ulcer under
undid undo undone undue unduly unfit unix unless unman unread unsafe unsay unseen unset unsound until unto upon
upset upside urge urine urn usenet usurp uteri vacuum vain vale vandal vane vary veil vein vendor venom very vicar
vice vicious victim vile virile virus vise vixen vodka void vomit vying waif waist wait waive wallow wanna want
wanton war ward warden warfare warn warp warrant wart wasp waste wave weak wean wear weary weasel weather wedded
wedlock weedy week weep weigh weird welfare well welt went wept were whale what whatever wheel when whence where
whereas whet whether which while whilst whim whimper whine whip whiskey whisky whoa whoever whole whom whoop whose
wicked widow wife will wince wine wisp witch with within without witty woke woken womb wombat won wont wood wore
worm worn worse worship worst would wove woven wrath wreck wren wring write written wrong wrote wrought wrung yam
yeah yell yeti yoke yokel your yours yourself yummy zany zion
""".split()

# Taken before all others: the words of the example that all documentation uses.
EXAMPLE = ["harbor", "tulip"]

NOTICE = """\
// Made by scripts/make-words.py; do not edit.
//
// The words come from SCOWL (Spell Checker Oriented Word Lists), whose notice follows.
//
// Copyright 2000-2011 by Kevin Atkinson
//
// Permission to use, copy, modify, distribute and sell these word lists, the associated scripts, the output created
// from the scripts, and its documentation for any purpose is hereby granted without fee, provided that the above
// copyright notice appears in all copies and that both that copyright notice and this permission notice appear in
// supporting documentation. Kevin Atkinson makes no representations about the suitability of this array for any
// purpose. It is provided "as is" without express or implied warranty.

//! The words of random codes: common, short, and hard to take for one another.

"""


def candidates():
    """All words of the right shape, commoner and shorter ones first, and the set of everything in the lists."""
    seen, ordered = set(), []
    for size in SIZES:
        words = set()
        for kind in ("english", "american"):
            words |= set((LISTS / f"{kind}-words.{size}").read_text(encoding="latin-1").split())
        fresh = sorted(words - seen, key=lambda word: (len(word), word))
        ordered += [word for word in fresh if re.fullmatch("[a-z]{4,7}", word)]
        seen |= words
    return ordered, seen


def derived(word, everything):
    """Whether the word is a form of a shorter one."""
    stems = []
    for ending, repairs in (
        ("ies", ["y"]), ("es", ["", "e"]), ("s", [""]), ("ied", ["y"]), ("ed", ["", "e"]), ("ing", ["", "e"]),
        ("ier", ["y"]), ("iest", ["y"]), ("er", ["", "e"]), ("est", ["", "e"]), ("ily", ["y"]), ("ly", ["", "le"]),
        ("ness", [""]), ("less", [""]), ("able", ["", "e"]),
    ):
        if word.endswith(ending):
            stem = word[: -len(ending)]
            stems += [stem + repair for repair in repairs]
            if len(stem) > 2 and stem[-1] == stem[-2]:
                stems.append(stem[:-1])
    return any(len(stem) >= 3 and stem in everything for stem in stems)


def slips(word):
    """Everything one slip away from the word, and the word: two words within two slips share one of the
    deletions, so only deletions and exchanges are needed to compare."""
    return {word[:i] + word[i + 1 :] for i in range(len(word))} | {word}


def one_slip(a, b):
    """Whether one replaced, missing, extra or exchanged letter makes a from b."""
    if a == b:
        return True
    if len(a) > len(b):
        a, b = b, a
    i = 0
    while i < len(a) and a[i] == b[i]:
        i += 1
    if len(a) == len(b):
        return a[i + 1 :] == b[i + 1 :] or (a[i + 2 :] == b[i + 2 :] and a[i : i + 2] == b[i : i + 2][::-1])
    return len(b) == len(a) + 1 and a[i:] == b[i + 1 :]


def choose():
    ordered, everything = candidates()
    ordered = EXAMPLE + [word for word in ordered if word not in EXAMPLE]
    taken, prefixes, near = [], set(), {}
    for word in ordered:
        if word in BLOCKED_WORDS or any(part in word for part in BLOCKED_PARTS) or derived(word, everything):
            continue
        if word[:PREFIX] in prefixes:
            continue
        around = slips(word)
        if any(one_slip(word, other) for key in around for other in near.get(key, ())):
            continue
        taken.append(word)
        prefixes.add(word[:PREFIX])
        for key in around:
            near.setdefault(key, []).append(word)
    if len(taken) < COUNT:
        sys.exit(f"only {len(taken)} words qualify, {COUNT} are needed")
    return sorted(taken[:COUNT])


def render(words):
    lines, line = [], "   "
    for word in words:
        item = f' "{word}",'
        if len(line) + len(item) > 110:
            lines.append(line)
            line = "   "
        line += item
    lines.append(line)
    return (
        NOTICE
        + f"/// {len(words)} words, sorted.\n"
        + "#[rustfmt::skip]\n"
        + f"pub(crate) static WORDS: [&str; {len(words)}] = [\n"
        + "\n".join(lines)
        + "\n];\n"
    )


def main():
    text = render(choose())
    if "--check" in sys.argv[1:]:
        sys.exit(None if TARGET.read_text() == text else f"{TARGET} is not what this script makes")
    TARGET.write_text(text)


if __name__ == "__main__":
    main()
