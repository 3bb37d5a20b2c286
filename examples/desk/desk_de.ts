<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>desk</name>
    <message>
        <source>Test tone</source>
        <translation>Prüfton</translation>
    </message>
    <message>
        <source>Nowhere</source>
        <translation>Nirgendwohin</translation>
    </message>
    <message>
        <source>has several inputs or outputs</source>
        <translation>hat mehrere Ein- oder Ausgänge</translation>
    </message>
    <message>
        <source>Default device</source>
        <translation>Standardgerät</translation>
    </message>
    <message>
        <source>is not there</source>
        <translation>ist nicht da</translation>
    </message>
    <message>
        <source>has the wrong inputs or outputs</source>
        <translation>hat die falschen Ein- oder Ausgänge</translation>
    </message>
    <message>
        <source>the end</source>
        <translation>das Ende</translation>
    </message>
    <message>
        <source>plays saved code</source>
        <translation>spielt gespeicherten Code</translation>
    </message>
</context>
<context>
    <name>desk::Panel</name>
    <message>
        <source>%1 cannot be “%2”</source>
        <translation>%1 kann nicht „%2“ sein</translation>
    </message>
    <message>
        <source>cannot be read, only set</source>
        <translation>kann nur gesetzt werden</translation>
    </message>
    <message>
        <source>Choose a file for %1</source>
        <translation>Datei für %1 wählen</translation>
    </message>
    <message>
        <source>Presets</source>
        <translation>Voreinstellungen</translation>
    </message>
    <message>
        <source>Preset</source>
        <translation>Voreinstellung</translation>
    </message>
    <message>
        <source>The preset could not be saved</source>
        <translation>Die Voreinstellung konnte nicht gespeichert werden</translation>
    </message>
    <message>
        <source>Select something in a strip to set it.</source>
        <translation>Was in einem Zug ausgewählt ist, wird hier eingestellt.</translation>
    </message>
    <message>
        <source>Reset to defaults</source>
        <translation>Zurücksetzen</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>Sichern</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>Umbenennen</translation>
    </message>
    <message>
        <source>Choose a preset, and type another name for it</source>
        <translation>Eine Voreinstellung wählen und einen anderen Namen dafür eingeben</translation>
    </message>
</context>
<context>
    <name>desk::Parameter</name>
    <message>
        <source>Choose…</source>
        <translation>Wählen …</translation>
    </message>
</context>
<context>
    <name>desk::StripView</name>
    <message>
        <source>No plugin yet: choose one in the list and press Enter, or drag it here. Source and sink are changed at the right.</source>
        <translation>Noch kein Plugin: eines in der Liste wählen und Enter drücken, oder hierher ziehen. Quelle und Senke ändert man rechts.</translation>
    </message>
    <message>
        <source>off</source>
        <translation>aus</translation>
    </message>
    <message>
        <source>own process</source>
        <translation>eigener Prozess</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>%1 ms</source>
        <translation>%1 ms</translation>
    </message>
    <message>
        <source>latency %1 ms</source>
        <translation>Latenz %1 ms</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>angehalten</translation>
    </message>
</context>
<context>
    <name>desk::Window</name>
    <message>
        <source>Desk</source>
        <translation>Pult</translation>
    </message>
    <message>
        <source>Plugins</source>
        <translation>Plugins</translation>
    </message>
    <message>
        <source>Messages</source>
        <translation>Meldungen</translation>
    </message>
    <message>
        <source>Sessions (*.json)</source>
        <translation>Sitzungen (*.json)</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>&amp;Datei</translation>
    </message>
    <message>
        <source>&amp;Load a plugin…</source>
        <translation>Plugin &amp;laden …</translation>
    </message>
    <message>
        <source>&amp;Open a session…</source>
        <translation>Sitzung &amp;öffnen …</translation>
    </message>
    <message>
        <source>&amp;Save the session…</source>
        <translation>Sitzung &amp;speichern …</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>&amp;Beenden</translation>
    </message>
    <message>
        <source>&amp;Sound</source>
        <translation>&amp;Ton</translation>
    </message>
    <message>
        <source>&amp;Place</source>
        <translation>&amp;Stelle</translation>
    </message>
    <message>
        <source>Move &amp;up</source>
        <translation>Nach &amp;oben</translation>
    </message>
    <message>
        <source>Move &amp;down</source>
        <translation>Nach &amp;unten</translation>
    </message>
    <message>
        <source>&amp;Remove</source>
        <translation>&amp;Entfernen</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>&amp;Bearbeiten</translation>
    </message>
    <message>
        <source>Load a plugin…</source>
        <translation>Plugin laden …</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>Quelle</translation>
    </message>
    <message>
        <source>Filter</source>
        <translation>Filter</translation>
    </message>
    <message>
        <source>Sink</source>
        <translation>Senke</translation>
    </message>
    <message>
        <source>Not usable: %1</source>
        <translation>Nicht verwendbar: %1</translation>
    </message>
    <message>
        <source>By %1</source>
        <translation>Von %1</translation>
    </message>
    <message>
        <source>No plugins are installed. Load one from a file, or set GST_PYTHONFILTER_PATH to their folder.</source>
        <translation>Keine Plugins installiert. Eines aus einer Datei laden, oder GST_PYTHONFILTER_PATH auf ihren Ordner setzen.</translation>
    </message>
    <message>
        <source>Python plugins (*.py)</source>
        <translation>Python-Plugins (*.py)</translation>
    </message>
    <message>
        <source>File…</source>
        <translation>Datei …</translation>
    </message>
    <message>
        <source>Network…</source>
        <translation>Netz …</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>Netz</translation>
    </message>
    <message>
        <source>Port, or address:port (RTP over UDP)</source>
        <translation>Port, oder Adresse:Port (RTP über UDP)</translation>
    </message>
    <message>
        <source>Change the source</source>
        <translation>Quelle ändern</translation>
    </message>
    <message>
        <source>Change the sink</source>
        <translation>Senke ändern</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Zeit</translation>
    </message>
    <message>
        <source>From</source>
        <translation>Von</translation>
    </message>
    <message>
        <source>What happened</source>
        <translation>Was geschah</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <source>it is no session of this program</source>
        <translation>es ist keine Sitzung dieses Programms</translation>
    </message>
    <message>
        <source>Add to TX</source>
        <translation>Zu TX</translation>
    </message>
    <message>
        <source>Add to RX</source>
        <translation>Zu RX</translation>
    </message>
    <message>
        <source>Strip TX</source>
        <translation>Zug TX</translation>
    </message>
    <message>
        <source>Place</source>
        <translation>Stelle</translation>
    </message>
    <message>
        <source>In</source>
        <translation>Hinein</translation>
    </message>
    <message>
        <source>Out</source>
        <translation>Heraus</translation>
    </message>
    <message>
        <source>p99</source>
        <translation>p99</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>Dropped</source>
        <translation>Verworfen</translation>
    </message>
    <message>
        <source>Overruns</source>
        <translation>Zu spät</translation>
    </message>
    <message>
        <source>Restarts</source>
        <translation>Neustarts</translation>
    </message>
    <message>
        <source>State</source>
        <translation>Zustand</translation>
    </message>
    <message>
        <source>Strip RX</source>
        <translation>Zug RX</translation>
    </message>
    <message>
        <source>Waveform</source>
        <translation>Verlauf</translation>
    </message>
    <message>
        <source>Spectrum, 20 Hz to 20 kHz</source>
        <translation>Spektrum, 20 Hz bis 20 kHz</translation>
    </message>
    <message>
        <source>Own &amp;process</source>
        <translation>Eigener &amp;Prozess</translation>
    </message>
    <message>
        <source>Stop %1</source>
        <translation>%1 anhalten</translation>
    </message>
    <message>
        <source>Start %1</source>
        <translation>%1 starten</translation>
    </message>
</context>
</TS>
