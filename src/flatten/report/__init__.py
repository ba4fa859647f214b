"""The answers as one HTML file: `answers` asks the views, `charts` draws, `page` fills page.html."""
