# What a package holds, below /usr and /etc: programs, units, migrations, settings, manual pages.
include(GNUInstallDirs)
set(share ${CMAKE_INSTALL_DATADIR}/chatbot)
pkg_get_variable(units systemd systemdsystemunitdir)
if(NOT units)
  set(units /lib/systemd/system)
endif()

install(TARGETS ${daemons} chatbot-admin DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/chatbot)

install(PROGRAMS deploy/host-admin DESTINATION ${CMAKE_INSTALL_SBINDIR} RENAME chatbot-admin)

# The database's side: the scripts of deploy/ and what they read, in the checkout's own order.
install(PROGRAMS deploy/migrate deploy/host-database deploy/host-services deploy/host-backup deploy/import-account DESTINATION ${share}/deploy)
install(FILES deploy/roles.sql DESTINATION ${share}/deploy)
install(FILES deploy/lib/console.sh deploy/lib/migrations.sh deploy/lib/backup.sh deploy/lib/findings.sh DESTINATION ${share}/deploy/lib)
foreach(folder common authd projectd chatd filed)
  install(DIRECTORY ${folder}/migrations DESTINATION ${share}/${folder} FILES_MATCHING PATTERN "*.sql")
endforeach()

install(DIRECTORY deploy/systemd/ DESTINATION ${units}
        FILES_MATCHING PATTERN "*.service" PATTERN "*.target" PATTERN "*.conf")
install(FILES deploy/sysusers.conf DESTINATION lib/sysusers.d RENAME chatbot.conf)
install(FILES deploy/tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME chatbot.conf)

install(FILES deploy/monitoring/scrape.yml deploy/monitoring/alerts.yml deploy/monitoring/dashboard.json
        DESTINATION ${share}/monitoring)

# Settings and manual pages are printed by the build.
set(pages chatbot.conf.5)
foreach(daemon ${daemons})
  list(APPEND pages chatbot-${daemon}.8)
endforeach()
set(printed)
foreach(page ${pages})
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/man/${page}
                     COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
                     COMMAND reference ${page} > ${CMAKE_BINARY_DIR}/man/${page}
                     DEPENDS reference VERBATIM)
  list(APPEND printed ${CMAKE_BINARY_DIR}/man/${page})
  string(REGEX REPLACE ".*\\." "" section ${page})
  install(FILES ${CMAKE_BINARY_DIR}/man/${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/man/chatbot-admin.8
                   COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
                   COMMAND chatbot-admin --manual > ${CMAKE_BINARY_DIR}/man/chatbot-admin.8
                   DEPENDS chatbot-admin VERBATIM)
list(APPEND printed ${CMAKE_BINARY_DIR}/man/chatbot-admin.8)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/completion/chatbot-admin
                   COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/completion
                   COMMAND chatbot-admin --completion > ${CMAKE_BINARY_DIR}/completion/chatbot-admin
                   DEPENDS chatbot-admin VERBATIM)
list(APPEND printed ${CMAKE_BINARY_DIR}/completion/chatbot-admin)
install(FILES ${CMAKE_BINARY_DIR}/completion/chatbot-admin
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${CMAKE_BINARY_DIR}/man/chatbot-admin.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/chatbot.conf
                   COMMAND reference conf > ${CMAKE_BINARY_DIR}/chatbot.conf
                   DEPENDS reference VERBATIM)
add_custom_target(printed ALL DEPENDS ${printed} ${CMAKE_BINARY_DIR}/chatbot.conf)
install(FILES ${CMAKE_BINARY_DIR}/chatbot.conf DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/chatbot)
install(FILES deploy/man/chatbot-platform.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7)
