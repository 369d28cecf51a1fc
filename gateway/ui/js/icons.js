// Line icons on a grid of 24, drawn with the text's colour. They are decoration: labels stand beside them.
import { svg } from './dom.js'

const PATHS = {
  archive: 'M4 5h16v4H4z M5.5 9v10h13V9 M10 13h4',
  attach: 'M19 11.5l-7.2 7.2a4.6 4.6 0 0 1-6.5-6.5l7.9-7.9a3.1 3.1 0 0 1 4.4 4.4l-7.9 7.9a1.5 1.5 0 0 1-2.2-2.2l7-7',
  back: 'M15 5l-7 7 7 7',
  bot: 'M5 9.5A2.5 2.5 0 0 1 7.5 7h9A2.5 2.5 0 0 1 19 9.5v7a2.5 2.5 0 0 1-2.5 2.5h-9A2.5 2.5 0 0 1 5 16.5z M12 7V4 M9.5 12v2 M14.5 12v2',
  chat: 'M5 5h14a1.5 1.5 0 0 1 1.5 1.5v9A1.5 1.5 0 0 1 19 17h-6.5L8 20.5V17H5a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 5 5z',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  close: 'M6 6l12 12 M18 6L6 18',
  upload: 'M12 16V5 M7.5 9L12 4.5 16.5 9 M5 20h14',
  copy: 'M9 9h10v10H9z M5 15V5h10',
  door: 'M6 20V4h10v16 M4 20h16 M13 12h.01',
  down: 'M6 9l6 6 6-6',
  download: 'M12 4v11 M7.5 11l4.5 4.5 4.5-4.5 M5 20h14',
  edit: 'M4.5 19.5l1-4L16 5l3 3L8.5 18.500z M14 7l3 3',
  file: 'M7 3.500h7l4 4v13H7z M14 3.500v4h4',
  forward: 'M9 5l7 7-7 7',
  grip: 'M9 6h.01 M15 6h.01 M9 12h.01 M15 12h.01 M9 18h.01 M15 18h.01',
  info: 'M12 3.500a8.5 8.5 0 1 1 0 17a8.5 8.5 0 0 1 0-17z M12 11v5 M12 8h.01',
  key: 'M14.5 9.500m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0 M11 12.500L4.5 19 M7.5 16l2 2',
  list: 'M5 7h.01 M5 12h.01 M5 17h.01 M9 7h10 M9 12h10 M9 17h10',
  logout: 'M10 4H5v16h5 M14 8l4 4-4 4 M18 12H9',
  mail: 'M4 6h16v12H4z M4 7l8 6 8-6',
  menu: 'M4 7h16 M4 12h16 M4 17h16',
  monitor: 'M4 5h16v11H4z M9 20h6 M12 16v4',
  moon: 'M19.5 14.500A8 8 0 0 1 9.5 4.500a8 8 0 1 0 10 10z',
  more: 'M5.5 12h.01 M12 12h.01 M18.5 12h.01',
  phone: 'M8 3.500h8v17H8z M11.5 17.500h1',
  pin: 'M9 4h6l-.7 6 2.7 3.500H7L9.7 10z M12 13.500V20',
  play: 'M7 5l11 7-11 7z',
  plus: 'M12 5v14 M5 12h14',
  projects: 'M4 4.500h6.500V11H4z M13.5 4.500H20V11h-6.500z M4 13.500h6.500V20H4z M13.5 13.500H20V20h-6.500z',
  refresh: 'M19 12a7 7 0 1 1-2.1-5 M19 4v4h-4',
  search: 'M11 11m-6.5 0a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0-13 0 M16 16l4 4',
  send: 'M12 19V5 M6 11l6-6 6 6',
  server: 'M4 5h16v6H4z M4 13h16v6H4z M7.5 8h.01 M7.5 16h.01 M11.5 8h5.500 M11.5 16h5.500',
  settings: 'M4 7h8 M16 7h4 M14 7m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0 M4 12h3 M11 12h9 M9 12m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0 M4 17h9 M17 17h3 M15 17m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0',
  shield: 'M12 3.500l7 2.500v5.500c0 4.5-3 7.5-7 9c-4-1.5-7-4.5-7-9V6z',
  sidebar: 'M4 5h16v14H4z M9.5 5v14',
  stop: 'M7 7h10v10H7z',
  sun: 'M12 12m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0 M12 3v2 M12 19v2 M3 12h2 M19 12h2 M5.6 5.600l1.4 1.4 M17 17l1.4 1.4 M18.4 5.600L17 7 M7 17l-1.4 1.4',
  thumbdown: 'M8 4h8.500l2.5 7v2h-6l.8 4.500c.2 1.3-.5 2.5-1.8 2.500L8 13z M8 4H4.500v9H8',
  thumbup: 'M8 20h8.500l2.5-7v-2h-6l.8-4.500C14 5.2 13.3 4 12 4L8 11z M8 20H4.500v-9H8',
  trash: 'M5 7h14 M9.5 7V4.500h5V7 M7 7l.8 12.500h8.400L17 7 M10.5 11v5 M13.5 11v5',
  unarchive: 'M4 5h16v4H4z M5.5 9v10h13V9 M12 17v-5 M9.5 14l2.5-2.5 2.5 2.5',
  up: 'M6 15l6-6 6 6',
  user: 'M12 8m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0 M5 20c.5-4 3.5-6 7-6s6.5 2 7 6',
  users: 'M9 9m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0 M3.5 19c.4-3.5 2.6-5 5.5-5s5.1 1.5 5.5 5 M15.5 6.2a3 3 0 0 1 0 5.6 M17 14.3c2 .6 3.2 2.2 3.5 4.7',
  warning: 'M12 4l9 16H3z M12 10v4 M12 17h.01',
}

export function icon(name) {
  return svg('svg', { class: `icon icon-${name}`, viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { d: PATHS[name] }))
}

// The mark of the house.
export function mark() {
  return svg('svg', { class: 'mark', viewBox: '0 0 32 32', 'aria-hidden': 'true' },
    svg('rect', { class: 'mark-back', width: 32, height: 32, rx: 8 }),
    svg('path', { class: 'mark-front', d: 'M9 10.500h14a1.5 1.5 0 0 1 1.5 1.500v7.500A1.5 1.5 0 0 1 23 21h-6.500L12 24.500V21H9a1.5 1.5 0 0 1-1.5-1.500V12A1.5 1.5 0 0 1 9 10.500z' }))
}
