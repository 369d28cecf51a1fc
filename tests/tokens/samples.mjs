// Texts of many kinds, for the estimate of tokens: what people write, and what they paste.
import { createHash } from 'node:crypto';

// Pseudo-random bytes, the same each time.
function bytes(seed, n) {
    const all = [];
    for (let i = 0; all.length < n; i++) all.push(...createHash('sha256').update(`${seed}:${i}`).digest());
    return Buffer.from(all.slice(0, n));
}

// n code points of [from, to].
function letters(from, to, n = 400) {
    const b = bytes(`${from}`, 3 * n);
    return Array.from({ length: n }, (_, i) => String.fromCodePoint(from + (b.readUIntBE(3 * i, 3) % (to - from + 1)))).join('');
}

const numbers = (n, most) => [...bytes(`n${n}`, 2 * n)].flatMap((x, i, b) => (i % 2 ? [] : [(x * 256 + b[i + 1]) % most]));

// What people write and paste: the estimate must be enough for each, and not far more.
export const samples = {
    'English prose': `It was raining when the train left the station, and nobody on the platform seemed to mind. A woman in a grey coat read the
same page of her newspaper for the third time; two boys argued about whether pigeons remember faces. "They do," said the older one, who had
read it somewhere, "and they tell their children." By the time the conductor came through, the town had become a row of lights, then a rumour.`,
    'English, technical': `The scheduler maintains per-CPU runqueues, each protected by its own spinlock, and rebalances asynchronously whenever the
imbalance exceeds a configurable threshold. Unprivileged processes cannot circumvent cgroup accounting; nevertheless, misconfigured hierarchies
occasionally starve latency-sensitive workloads. Cryptographic authentication of metadata (HMAC-SHA256, BLAKE3) is orthogonal to deduplication.`,
    'English, chatty': "hey!! can u pls help me w/ my homework?? idk what 'photosynthesis' means lol... thx :) btw it's due tmrw, so asap!",
    'one word': 'Hello',
    'long words': 'antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis floccinaucinihilipilification',
    German: `Die Bundesregierung beschloss am Donnerstag eine Änderung des Straßenverkehrsordnungsgesetzes, über die schon lange gestritten wurde.
Fußgängerinnen und Fahrradfahrer sollen künftig größere Vorrechte genießen; für Geschwindigkeitsüberschreitungen drohen höhere Bußgelder.
Der Rechtsausschuss äußerte verfassungsrechtliche Bedenken, während Naturschutzverbände das Vorhaben überwiegend begrüßten.`,
    French: `L'été dernier, nous avons traversé la forêt à pied, malgré la chaleur et les moustiques. Où qu'on allât, quelqu'un nous demandait d'où nous
venions ; à la fin, j'ai répondu que c'était une très longue histoire. Ma sœur, elle, n'a rien dit : elle préférait écouter les oiseaux.`,
    Spanish: `¿Cuándo llegará el próximo autobús? Según el conductor, hubo un accidente cerca de la estación y todavía están limpiando la carretera.
Los niños jugaban bajo el árbol mientras la señora Muñoz contaba, por enésima vez, cómo había conocido a su marido en la montaña.`,
    Polish: `Wczoraj wieczorem spotkaliśmy się z przyjaciółmi w małej kawiarni niedaleko rynku. Rozmawialiśmy o podróżach, książkach i o tym, że
dzieci rosną zbyt szybko. Źdźbło trawy, żółw i gżegżółka to słowa, których cudzoziemcy nie potrafią wymówić.`,
    Czech: `Příliš žluťoučký kůň úpěl ďábelské ódy, zatímco sousedé řešili, kdo dnes večer přinese chléb. Nejneobhospodařovávatelnější pozemky ležely za
řekou, kde se odjakživa pásly jenom kozy a občas nějaký zatoulaný kůň.`,
    Hungarian: `A legkisebb királyfi elindult, hogy megkeresse az elveszett gyűrűt. Megszentségteleníthetetlenségeskedéseitekért senki sem haragudott
rá, mert mindenki tudta, hogy a szíve jó. Az öreg révész ingyen átvitte a túlsó partra, és kívánt neki szerencsét.`,
    Finnish: `Lumi peitti metsän, ja järven jää narisi öisin. Epäjärjestelmällistyttämättömyydelläänkään hän ei saanut naapureitaan vihaiseksi,
sillä he olivat tottuneet siihen, että jokainen elää täällä omalla tavallaan ja puhuu vain silloin, kun on asiaa.`,
    Turkish: `Dün akşam kütüphanede çalışırken, yağmurun sesini dinlemeyi ne kadar özlediğimi düşündüm. Çekoslovakyalılaştıramadıklarımızdan mısınız,
diye sordu öğretmen gülümseyerek; öğrenciler şaşkınlıkla birbirlerine baktılar.`,
    Vietnamese: `Hôm qua trời mưa rất to nên chúng tôi quyết định ở nhà nấu ăn. Mẹ tôi kể chuyện ngày xưa, khi bà còn nhỏ, mỗi lần nước lên cả làng
phải chèo thuyền đi chợ. Những kỷ niệm ấy bây giờ nghe như cổ tích.`,
    Russian: `Вчера вечером мы долго гуляли по набережной, и ветер с реки был уже по-настоящему осенним. Никто не хотел расходиться: каждый чувствовал,
что такие разговоры случаются редко. Достопримечательности города нас не интересовали; важнее было договорить начатое.`,
    Ukrainian: `Щороку восени бабуся розповідала нам ту саму казку про ведмедя, який загубив свою шапку в лісі. Ми знали її напам'ять, але щоразу
слухали, затамувавши подих, бо її голос був теплий, як піч, і за вікном уже сутеніло.`,
    Greek: `Το πρωί η θάλασσα ήταν ήσυχη και τα καΐκια γύριζαν αργά στο λιμάνι. Ο παππούς μου έλεγε ότι όποιος ξέρει να περιμένει, ξέρει και να
ταξιδεύει. Δεν τον καταλάβαινα τότε· τώρα που έφυγε, το σκέφτομαι κάθε φορά που φυσάει βοριάς.`,
    Hebrew: `אתמול בערב ישבנו במרפסת ודיברנו על הימים שבהם כל הרחוב הכיר את כולם. השכנה מהקומה השלישית הביאה עוגה, והילדים רצו למטה לשחק
בכדור עד שהחשיך. אף אחד לא מיהר הביתה, כי מחר היה יום חופש.`,
    Arabic: `في صباح يوم الجمعة ذهبت إلى السوق القديم لأشتري بعض الكتب المستعملة. كان البائع العجوز يعرف قصة كل كتاب، ومن قرأه قبلي، ولماذا باعه صاحبه.
سألته عن ديوان المتنبي فابتسم وقال: «هذا لا يُباع إلا لمن يحفظ منه بيتًا واحدًا على الأقل».`,
    Persian: `دیروز عصر با دوستم در پارک قدم می‌زدیم و درباره‌ی کتاب‌هایی که در کودکی خوانده بودیم حرف می‌زدیم. او می‌گفت هیچ قصه‌ای به اندازه‌ی
قصه‌های مادربزرگش در یادش نمانده است.`,
    Hindi: `कल शाम बारिश के बाद पूरा मोहल्ला छत पर इकट्ठा हो गया था। बच्चे काग़ज़ की नावें बना रहे थे और बड़े लोग चाय पीते हुए पुराने दिनों की बातें कर रहे थे।
दादी ने कहा कि ऐसी बरसात उन्होंने पिछले बीस वर्षों में नहीं देखी, और सबने हँसकर उनकी बात मान ली।`,
    Bengali: `গতকাল বিকেলে নদীর ধারে বসে আমরা অনেকক্ষণ গল্প করেছিলাম। আকাশে মেঘ জমেছিল, কিন্তু কেউ উঠতে চাইছিল না। মাঝি বলল, আজ রাতে ঝড় হবে।`,
    Tamil: `நேற்று மாலை கடற்கரையில் நடந்து சென்றபோது பழைய நண்பர் ஒருவரைச் சந்தித்தேன். பள்ளி நாட்களைப் பற்றி நீண்ட நேரம் பேசிக்கொண்டிருந்தோம்.`,
    Thai: `เมื่อวานนี้ฝนตกหนักมากจนน้ำท่วมถนนหน้าบ้าน เด็ก ๆ ออกมาเล่นน้ำกันอย่างสนุกสนาน ส่วนคุณยายนั่งมองอยู่ที่หน้าต่างแล้วก็ยิ้ม`,
    Georgian: `გუშინ საღამოს მთაში პირველი თოვლი მოვიდა და ბავშვებმა სკოლაში წასვლა აღარ მოინდომეს. ბებიამ ღუმელი დაანთო და ჩაი დაასხა.`,
    Armenian: `Երեկ երեկոյան լեռներում առաջին ձյունը եկավ, և երեխաները այլևս չէին ուզում դպրոց գնալ։ Տատիկը վառարանը վառեց ու թեյ լցրեց։`,
    Amharic: `ትናንት ማታ በተራራው ላይ የመጀመሪያው በረዶ ወረደ፤ ልጆቹም ወደ ትምህርት ቤት መሄድ አልፈለጉም። አያቴ እሳት አንድዳ ሻይ ቀዳች።`,
    Chinese: `昨天晚上下了一场大雨,街上的行人都躲进了路边的小店。老板娘给每个人倒了一杯热茶,说这样的天气最适合讲故事。于是一位戴眼镜的老先生清了清嗓子,
讲起他年轻时在边疆修铁路的经历:冬天零下四十度,墨水瓶都冻裂了,可是大家还是每天写信回家。`,
    'Chinese, traditional': `昨晚颱風過境,許多樹木被連根拔起,捷運也暫停營運。鄰居們聚在騎樓下討論該如何清理街道,有人端出滷肉飯與熱湯分享。里長說,這座島嶼見過太多風雨,
只要大家還願意互相幫忙,就沒有什麼好怕的。`,
    'Chinese, classical': `學而時習之,不亦說乎?有朋自遠方來,不亦樂乎?人不知而不慍,不亦君子乎?道可道,非常道;名可名,非常名。無名天地之始,有名萬物之母。`,
    Japanese: `昨日の夕方、駅前の古い喫茶店で偶然高校時代の友人に会った。彼は相変わらず早口で、最近引っ越したばかりの部屋の話や、飼い始めた猫の名前がなかなか決まらない
という話を、コーヒーが冷めるまで続けた。「名前なんて、そのうち向こうから教えてくれるよ」と私が言うと、彼は声を出して笑った。`,
    'Japanese, katakana': `インターネットブラウザのアップデートをダウンロードしてください。セキュリティソフトウェアとの互換性に問題がある場合、サポートセンターへお問い合わせください。`,
    Korean: `어제 저녁에 오랜만에 고향 친구들을 만나서 밤늦게까지 이야기를 나누었다. 다들 사는 모습은 달라졌지만 웃음소리만은 그대로였다. 헤어지기 전에 우리는
내년 봄에 꼭 함께 여행을 가자고 약속했고, 집으로 돌아오는 길에 문득 별이 보고 싶어졌다.`,
    emoji: '😀😂🥰😎🤔👍🏽🙏🏾🎉🚀🔥💯❤️✨🌈🍕🐙🦄👩‍💻👨‍👩‍👧‍👦🏳️‍🌈🇩🇪🇯🇵🇧🇷🫠🥹🪿',
    'emoji in a text': 'Happy birthday!!! 🎂🎉 Hope you have the best day ever 😘❤️ see you tonight at 8? 🍻👀',
    symbols: '∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−f(a)|<ε; ∑ᵢ₌₁ⁿ i² = n(n+1)(2n+1)⁄6 ≈ ⅓n³ — “quotes” … €20 £15 ½ ±3 °C → ✓ ✗ • ★',
    'source, C': `static int tokens_read(struct text *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n && s[i] != '\\0'; i++) {
        if (isalpha((unsigned char)s[i]) || s[i] == '_')
            out->count += (out->flags & FLAG_WORD) ? 0 : 1;
        else if (s[i] >= 0x80u)
            return -EILSEQ;
    }
    return memcmp(out->data, "\\x89PNG\\r\\n", 6) == 0 ? 1 : 0; /* see RFC 2083 */
}`,
    'source, JavaScript': `export const useDebounce = (fn, ms = 300) => {
  const ref = useRef(null);
  return useCallback((...args) => { clearTimeout(ref.current); ref.current = setTimeout(() => fn(...args), ms); }, [fn, ms]);
};
document.querySelectorAll('a[href^="https://"]').forEach((el) => el.setAttribute('rel', 'noopener'));`,
    'source, Python': `@dataclass(frozen=True)
class Node(Generic[T]):
    value: T
    children: list["Node[T]"] = field(default_factory=list)

    def walk(self) -> Iterator[T]:
        yield self.value
        for c in self.children:
            yield from c.walk()

if __name__ == "__main__":
    print({k: v ** 2 for k, v in zip("abc", range(3))}, sum(x % 2 == 0 for x in [1, 22, 333]))`,
    'source, minified': 'function a(b,c){var d=0,e;for(e=0;e<b.length;++e)d+=b[e]*c[e]|0;return d>>>1}!function(t,n){"object"==typeof exports?n(exports):n(t.x={})}(this,function(t){t.y=1e3});',
    'source, SQL': "SELECT u.id, count(*) FILTER (WHERE t.state = 'failed') AS bad FROM users u LEFT JOIN LATERAL (SELECT * FROM turn WHERE owner_id = u.id) t ON true GROUP BY 1 HAVING count(*) > 10;",
    shell: `find . -name '*.log' -mtime +30 -print0 | xargs -0 -r rm -f -- && grep -rnE '^[A-Z_]+=' .env* | sed 's/=.*/=***/' | sort -u > "$HOME/vars.txt" 2>&1`,
    HTML: '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Hi &amp; bye</title></head><body class="a b-c"><p style="margin:0 auto;color:#ff8800">x<sup>2</sup></p></body></html>',
    Markdown: '# Title\n\n- **bold** and *italic*\n- [link](https://example.com/a?b=c&d=e#f)\n\n| a | b |\n|---|--:|\n| 1 | 22 |\n\n```sh\n$ echo "hi"\n```\n\n> quote\n\n1. one\n2. two\n',
    LaTeX: '\\begin{equation}\\int_{0}^{\\infty} e^{-x^2}\\,\\mathrm{d}x = \\frac{\\sqrt{\\pi}}{2}\\label{eq:gauss}\\end{equation} where $\\alpha_{i,j} \\in \\mathbb{R}^{n\\times m}$',
    JSON: JSON.stringify({ id: 18273645, name: 'Ada Lovelace', tags: ['a', 'b', 'c'], nested: { x: 1.5, y: -20, z: null, ok: true }, at: '2026-11-29T17:38:34.123Z', list: [[1, 2], [3, 4]], 'content-type': 'application/json' }),
    'JSON, indented': JSON.stringify({ users: [{ id: 1, email: 'ada@example.com', roles: ['admin', 'user'], active: true }, { id: 2, email: 'bob@example.org', roles: [], active: false }], total: 2, next: null }, null, 4),
    YAML: 'services:\n  web:\n    image: "nginx:1.25-alpine"\n    ports: ["80:80", "443:443"]\n    environment:\n      - TZ=Europe/Berlin\n      - LOG_LEVEL=debug\n    deploy: {replicas: 3, resources: {limits: {cpus: "0.5"}}}\n',
    CSV: numbers(160, 1000).map((x, i) => x + (i % 8 === 7 ? '\n' : ',')).join(''),
    'CSV, digits': numbers(200, 10).map((x, i) => x + (i % 20 === 19 ? '\n' : ',')).join(''),
    'numbers, aligned': numbers(80, 100).map((x, i) => String(x / 10).padStart(8) + (i % 8 === 7 ? '\n' : '')).join(''),
    log: '2026-11-29T17:38:34.512Z <6> op=chat_create caller=18 trace=9f86d081884c7d65 us=1834 status=200 bytes=5120\n127.0.0.1 - - [29/Nov/2026:17:38:34 +0000] "GET /a/b?c=%20 HTTP/1.1" 404 153 "-" "curl/7.88.1"\n',
    'stack trace': 'Exception in thread "main" java.lang.NullPointerException: Cannot invoke "String.length()" because "<local1>" is null\n\tat com.example.MyApp$Inner.lambda$run$0(MyApp.java:42)\n\tat java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1136)\n',
    URLs: 'https://www.example.com/watch?v=dQw4w9WgXcQ&list=PLx0sYbCqOb8TBPRdmBHs5Iftvv9TPboYG&index=7 git@github.com:foo/bar-baz.git s3://bkt/k_1/2.tar.gz',
    digits: numbers(200, 10).join(''),
    'telephone numbers': '+49 30 1234567, (555) 010-9999, 0800/77 88 99, +1-202-555-0143, 192.168.178.254, 4111 1111 1111 1111',
    base64: bytes('b', 600).toString('base64').replace(/.{76}/g, '$&\n'),
    'base64, one line': bytes('c', 600).toString('base64'),
    hex: bytes('h', 300).toString('hex'),
    'hex dump': [...bytes('d', 160)].map((x, i) => x.toString(16).padStart(2, '0') + (i % 16 === 15 ? '\n' : ' ')).join(''),
    UUIDs: [...Array(12)].map((_, i) => bytes(`u${i}`, 16).toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')).join('\n'),
    certificate: `-----BEGIN CERTIFICATE-----\n${bytes('k', 480).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    DNA: [...bytes('dna', 300)].map((x) => 'ACGT'[x % 4]).join(''),
    capitals: 'WARNING: DO NOT OPEN THIS DOOR WITHOUT PERMISSION. UNAUTHORIZED PERSONNEL WILL BE PROSECUTED. ERR_CONNECTION_REFUSED MAX_TURNS_PER_USER',
    'camel case': 'XMLHttpRequest getElementsByTagNameNS AbstractSingletonProxyFactoryBean iOS macOS eBay kHz NaN isNaN toLowerCase WebGL2RenderingContext',
    'random letters': letters(97, 122),
    'random capitals': letters(65, 90),
    'random printable': letters(33, 126),
    'random punctuation': letters(33, 47) + letters(58, 64),
    'spaces in a text': 'a b  c   d    e     f      g       h        i         j',
    'white space': [...bytes('w', 300)].map((x) => ' \n\t\r'[x % 4]).join(''),
    indented: '\t\tif (x)\n\t\t\ty();\n        \n            z();\n\n\n',
    laughter: 'hahahahahahaha LOOOOOOL nooooooooo wwwwwwww jajajaja ㅋㅋㅋㅋㅋㅋㅋ 哈哈哈哈哈哈 www草',
    controls: '\u0001\u0002\u001b[31mred\u001b[0m\u007f',
    'invisible': 'a\u200bb\u200cc\u200dd\ufeffe\u00ad\u2060f\u00a0g\u202ah',
    'Cherokee and more': letters(0x13a0, 0x13f4, 60) + letters(0x10330, 0x1034a, 60) + letters(0x12000, 0x12399, 60),
    'mathematical letters': '𝕳𝖊𝖑𝖑𝖔 𝓦𝓸𝓻𝓵𝓭 Ｈｅｌｌｏ ⒽⒺⓁⓁⓄ ʜᴇʟʟᴏ z̷̢̛a̸l̵g̶o̷',
};

// Much of the same in a row: enough, at a quarter of the bytes or more.
export const runs = {
    boxes: '┌──────┬──────┐\n│ name │ size │\n├──────┼──────┤\n│ a.c  │ 1 kB │\n└──────┴──────┘\n████▓▓▒▒░░ 60 %',
    spaces: ' '.repeat(300),
    'blank lines': '\n\n\n'.repeat(60) + '\r\n'.repeat(60),
    lines: `${'-'.repeat(80)}\n${'='.repeat(72)}\n${'*'.repeat(40)}\n${'_'.repeat(33)}${'.'.repeat(50)}`,
    'one letter': 'a'.repeat(300),
};
