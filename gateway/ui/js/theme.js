// Before anything is painted: the theme that was chosen here. Without a choice the system's counts.
'use strict'

try {
  const theme = localStorage.getItem('theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch { /* no storage: the system's */ }
