// A plain picture of bars: what the platform adds to streams, by their number.
const SERIES = [['first_p99_ms', 'first token later', '#3b6ea5'], ['gap_p99_ms', 'gap between frames', '#c77b30'], ['provider_gap_p99_ms', "the provider's own gap", '#999999']];
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [560, 260, 50, 40];

// figures: those of load/streams.
export function chart(figures) {
    const found = figures.all({ name: 'streams_added' });
    const top = Math.max(1, ...found.flatMap((f) => SERIES.map(([key]) => f[key] ?? 0)));
    const scale = (ms) => (Math.max(0, ms) / top) * (HEIGHT - BOTTOM - 40);
    const group = (WIDTH - LEFT) / Math.max(1, found.length);
    const bars = found.flatMap((f, i) =>
        SERIES.map(([key, , colour], k) => {
            const [x, h] = [LEFT + i * group + 12 + k * 46, scale(f[key] ?? 0)];
            return `<rect x="${x}" y="${HEIGHT - BOTTOM - h}" width="40" height="${h.toFixed(1)}" fill="${colour}"/><text x="${x + 20}" y="${HEIGHT - BOTTOM - h - 4}" text-anchor="middle">${(f[key] ?? 0).toFixed(1)}</text>`;
        }),
    );
    const names = found.map((f, i) => `<text x="${LEFT + i * group + 80}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${f.c} streams</text>`);
    const legend = SERIES.map(([, text, colour], k) => `<rect x="${LEFT + k * 165}" y="8" width="10" height="10" fill="${colour}"/><text x="${LEFT + k * 165 + 14}" y="17">${text}, ms</text>`);
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">
<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>
${[...legend, ...bars, ...names].join('\n')}
<line x1="${LEFT}" y1="${HEIGHT - BOTTOM}" x2="${WIDTH}" y2="${HEIGHT - BOTTOM}" stroke="black"/>
</svg>
`;
}
